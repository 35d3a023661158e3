"""Which tickets a commit's message names, by Redmine's own rules (changeset.rb), and what looks so and links nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

#: Redmine's words as it comes: references, and what closes tickets. People may set others, which nobody tells us.
WORDS = ("refs", "references", "issueid", "fixes", "closes")
ISSUE_MAX = 2_147_483_647
#: So many numbers of a message are looked at: whoever pushes must not decide how many questions Redmine is asked.
NUMBERS_MAX = 100
#: A server that links after as many different words within one look has no list of words.
HEARD_MAX = 4
#: Spaces and digits as Ruby takes them: those of a Japanese keyboard are not among them.
_SPACE = " \t\n\v\f\r"
_HOURS = (
    r"[0-9]+(?:h|hours?)(?:[0-9]+(?:m|min)?)?|[0-9]+(?:h|hours?|m|min)|[0-9]+:[0-9]+|[0-9]+(?:[.,][0-9]+)?h?"
)
_ONE = rf"#[0-9]+(?:[{_SPACE}]+@(?:{_HOURS}))?"
_MENTION = re.compile(
    rf"(?:[{_SPACE}(\[,\-]|^)(?:({'|'.join(WORDS)})[{_SPACE}:]+)?({_ONE}(?:[{_SPACE},;&]+{_ONE})*)(?=[^\w\s]|[_{_SPACE}]|$)",
    re.IGNORECASE | re.MULTILINE,
)
_NUMBER = re.compile(r"#0*([0-9]{1,10})(?![0-9])")
_PULL = re.compile(r"^Merge pull request #(\d+)|\(#(\d+)\)$", re.MULTILINE)
_GLUED = re.compile(r"[^\s(\[,\-:#&;/]#[0-9]+")
_WIDE = re.compile(r"＃[0-9０-９]|#[０-９]|\u3000#[0-9]|#[0-9]+\u3000")


class Rule(StrEnum):
    """What is known of Redmine's keywords: nothing yet, only after a word, or any number ("*")."""

    UNKNOWN = ""
    WORDS = "words"
    ANY = "any"


class Hint(StrEnum):
    """A pull request's number that "*" takes for a ticket; a number without a space before it; a full-width sign, digit or
    space."""

    PULL = "pull"
    GLUED = "glued"
    WIDE = "wide"


@dataclass(frozen=True, slots=True)
class Mentions:
    """Tickets after a word, and those that are named without one: by their numbers, with what stands before each, "" where no
    word of anybody's can."""

    worded: frozenset[int]
    bare: Mapping[int, str]

    def wanted(self, rule: Rule) -> frozenset[int]:
        """What Redmine links under the rule; with none known, only what it links as it comes."""
        return self.worded | self.bare.keys() if rule == Rule.ANY else self.worded


def read_mentions(message: str) -> Mentions:
    worded: set[int] = set()
    bare: dict[int, str] = {}
    left = NUMBERS_MAX
    for match in _MENTION.finditer(message):
        numbers = [int(one) for one in _NUMBER.findall(match[2])[:left]]
        left -= len(numbers)
        known = [one for one in numbers if 0 < one <= ISSUE_MAX]
        if match[1]:
            worded.update(known)
        else:
            before = _word_before(message, match.start(2))
            bare |= {one: before or bare.get(one, "") for one in known}
        if left <= 0:
            break
    return Mentions(frozenset(worded), {one: before for one, before in bare.items() if one not in worded})


def _word_before(message: str, place: int) -> str:
    """The last word before this place, if spaces or colons stand between: it may be one of the server's own."""
    before = message[:place]
    words = before.rstrip(f"{_SPACE}:")
    return words.split()[-1].lower() if words.strip() and words != before else ""


def without_pulls(message: str) -> str:
    """The message without numbers of pull requests, which nobody means as tickets."""
    return _PULL.sub("", message)


def read_hints(message: str) -> Counter[str]:
    """What people should know about how they write."""
    found = {Hint.PULL: _PULL, Hint.GLUED: _GLUED, Hint.WIDE: _WIDE}
    return Counter({str(hint): 1 for hint, pattern in found.items() if pattern.search(message)})


def learn_rule(known: Rule, worded: Iterable[bool], bare: Mapping[str, bool], heard: Collection[str]) -> Rule:
    """What Redmine did with mentions of tickets that exist in its project says which rule it has.

    `bare`: what stands before a number that stands without a word of WORDS -> whether it was linked. A server may have words
    of its own, so that only one with nothing before it, or many with different words (`heard`: all so far), proves "*". A
    worded one that was linked beside a bare one that was not proves that words are asked for.
    """
    if bare.get("") or len({*heard} - {""}) >= HEARD_MAX:
        return Rule.ANY
    if bare and not any(bare.values()) and any(worded):
        return Rule.WORDS
    return known
