"""Keep locale/ complete: collect texts from Python and templates, update the .po files, compile the .mo files.

`python config/translations.py --update` after changing a text, then translate what it lists; `--check` (part of
`./toban check`) fails on anything missing, fuzzy, obsolete, empty or with other placeholders, and on a .mo that is not
what its .po gives. Needs Babel and Django, no GNU gettext. English is the language of the texts themselves, so
locale/en holds only its plural rule.
"""

import argparse
import io
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ("config", "medical_audit", "accounts", "infra", "redmine_sync")
TEMPLATES = ("templates",)
SKIPPED = {"migrations", "__pycache__"}
LANGUAGES = ("ja", "en")
WHOLE = ("ja",)  # must translate every text; English is the text itself

# Keyword -> places of its texts; (1, "c") marks the context. The lazy functions are Django's.
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Translations of Toban: update them, or check that they are complete."
    )
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--update", action="store_true", help="rewrite the .po and .mo files from the sources")
    how.add_argument("--check", action="store_true", help="fail on anything incomplete, change nothing")
    options = parser.parse_args(arguments)
    template = collect()
    faults = [
        fault for language in LANGUAGES for fault in (update if options.update else check)(language, template)
    ]
    for fault in faults:
        print(f"translations: {fault}", file=sys.stderr)
    print(f"translations: {len(template)} texts, {len(faults)} to be mended")
    return 1 if faults and options.check else 0


def collect() -> Catalog:
    """Every text of the sources, with the files it stands in; line numbers would only make noise in reviews."""
    catalog = Catalog(charset="utf-8", fuzzy=False)
    for path, text in sources():
        for _line, message, comments, context in extract(
            "python", io.BytesIO(text.encode("utf-8")), keywords=KEYWORDS, comment_tags=["Translators:"]
        ):
            flags = ["python-format"] if placeholders(message) else []
            where = [(str(path.relative_to(ROOT)), 0)]
            catalog.add(message, None, where, flags=flags, auto_comments=comments, context=context)
    return catalog


def sources() -> Iterator[tuple[Path, str]]:
    """Every file as Python text, in a fixed order."""
    for folder in PYTHON:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not SKIPPED & set(path.parts):
                yield path, path.read_text(encoding="utf-8")
    for folder in TEMPLATES:
        for path in sorted(
            path for suffix in ("html", "txt") for path in (ROOT / folder).rglob(f"*.{suffix}")
        ):
            text = templatize(path.read_text(encoding="utf-8"), origin=str(path))
            # What is left of a template is no Python: without its indentation it passes as expressions.
            yield path, "\n".join(line.lstrip() for line in text.splitlines())


def update(language: str, template: Catalog) -> list[str]:
    """Rewrite one language: new texts come in empty, gone ones go, nothing is guessed."""
    catalog = read(language)
    if language in WHOLE:
        catalog.update(template, no_fuzzy_matching=True)
        catalog.obsolete.clear()
    write(language, catalog)
    mo_path(language).write_bytes(compiled(language, catalog))
    return [*incomplete(language, catalog)]


def check(language: str, template: Catalog) -> list[str]:
    """Name everything that an update or a translator still has to do."""
    catalog = read(language)
    faults = [f"{language}: obsolete: {name!r}" for name in catalog.obsolete]
    if language in WHOLE:
        known, wanted = (
            {key(message) for message in catalog if message.id},
            {key(m) for m in template if m.id},
        )
        faults += [f"{language}: missing, run --update: {text!r}" for text in sorted(wanted - known)]
        faults += [f"{language}: no longer used, run --update: {text!r}" for text in sorted(known - wanted)]
    faults += incomplete(language, catalog)
    if not mo_path(language).is_file() or mo_path(language).read_bytes() != compiled(language, catalog):
        faults.append(f"{language}: the .mo is not what the .po gives, run --update")
    return faults


def incomplete(language: str, catalog: Catalog) -> Iterator[str]:
    for message in catalog:
        if not message.id:
            continue
        texts = forms(message.string)
        if message.fuzzy:
            yield f"{language}: fuzzy: {key(message)!r}"
        if not all(texts):
            yield f"{language}: not translated: {key(message)!r}"
        elif any(placeholders(text) != placeholders(message.id) for text in texts):
            yield f"{language}: other placeholders: {key(message)!r}"


def forms(value: object) -> tuple[str, ...]:
    """One text, or all of its plural forms."""
    return tuple(str(one or "") for one in (value if isinstance(value, tuple | list) else (value,)))


def placeholders(text: object) -> set[str]:
    return set(PLACEHOLDER.findall("".join(forms(text))))


def key(message: Message) -> tuple[str, str]:
    text = message.id if isinstance(message.id, str) else message.id[0]
    return message.context or "", text


def po_path(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def mo_path(language: str) -> Path:
    return po_path(language).with_suffix(".mo")


def read(language: str) -> Catalog:
    if not po_path(language).is_file():
        return Catalog(locale=language, charset="utf-8", fuzzy=False)
    with po_path(language).open("rb") as handle:
        return read_po(handle, locale=language)


def write(language: str, catalog: Catalog) -> None:
    po_path(language).parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    write_po(content, catalog, width=0, omit_header=True, sort_output=True, include_lineno=False)
    po_path(language).write_text(header(language) + content.getvalue().decode("utf-8"), encoding="utf-8")


def header(language: str) -> str:
    return 'msgid ""\nmsgstr ""\n' + "".join(f'"{field}\\n"\n' for field in header_fields(language)) + "\n"


def header_fields(language: str) -> tuple[str, ...]:
    """Only what gettext needs, without dates and tool versions, so that the files change when texts change."""
    plural = "nplurals=1; plural=0;" if language == "ja" else "nplurals=2; plural=(n != 1);"
    return (
        f"Language: {language}",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        f"Plural-Forms: {plural}",
    )


def compiled(language: str, catalog: Catalog) -> bytes:
    """The .mo file (GNU gettext manual, "The Format of GNU MO Files"): sorted ids and texts behind two tables.

    Written here because Babel puts the date and its own version in, and then no check could compare bytes.
    """
    pairs = {b"": "\n".join(header_fields(language)).encode() + b"\n"}
    for message in catalog:
        ids, texts = forms(message.id), forms(message.string)
        if message.id and not message.fuzzy and all(texts):
            context = f"{message.context}\x04" if message.context else ""
            pairs[(context + "\0".join(ids)).encode()] = "\0".join(texts).encode()
    keys = sorted(pairs)
    start = 28 + 16 * len(keys)
    tables, blob = [], b""
    for row in (keys, [pairs[one] for one in keys]):
        for text in row:
            tables += [len(text), start + len(blob)]
            blob += text + b"\0"
    head = (0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, start)
    return struct.pack(f"<7I{len(tables)}I", *head, *tables) + blob


if __name__ == "__main__":
    sys.exit(main())
