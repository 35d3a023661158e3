"""Text that is safe inside a ticket, and the mark by which Toban finds its own words again."""

from __future__ import annotations

from uuid import UUID

SUBJECT_MAX = 255
#: Failures of one entry at a server that is well otherwise; then a person looks at it.
TRIES_MAX = 20


def mark_of(entry_id: UUID) -> str:
    return f"[toban:{entry_id}]"


def printable(text: str) -> str:
    """The text with a space for each letter that is none to be seen: no database takes all of those."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def one_line(text: str) -> str:
    """A subject: printable, in one line, not longer than Redmine takes."""
    line = " ".join(printable(text).split())
    return line if len(line) <= SUBJECT_MAX else f"{line[: SUBJECT_MAX - 1]}…"


def quoted(text: str) -> str:
    """Lines that Redmine shows as they are, whatever its markup: names from AWS may hold images, links or #12.

    Textile and CommonMark leave the inside of <pre> alone. The older Markdown drops the tag and reads what is inside, but for
    lines that stand four spaces in, which are code there.
    """
    inside = text.strip().replace("<", "‹").replace(">", "›")
    lines = "\n".join(f"    {line}".rstrip() for line in inside.splitlines())
    return f"<pre>\n\n{lines}\n\n</pre>"


def with_mark(text: str, link: str, entry_id: UUID) -> str:
    return f"{quoted(text)}\n\n{f'{link} ' if link else ''}{mark_of(entry_id)}"
