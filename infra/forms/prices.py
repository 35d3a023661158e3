"""What people send about prices: amounts beside the types in use, a whole table by paste or file, prices to take away."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from infra.domain.prices import (
    CHARACTERS_MAX,
    COLUMNS,
    ROWS_MAX,
    UNIT,
    Key,
    PriceProblem,
    PriceRow,
    read_price,
    read_table,
    unit_of,
)
from infra.queries.prices import PricePage
from medical_audit.forms import text_of

#: Separates the parts of a key in one value of a form; no part can hold it.
_BETWEEN = "|"


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent, read: prices to set, keys to take away, and what is wrong."""

    rows: Sequence[PriceRow]
    removed: Sequence[Key]
    problems: Sequence[PriceProblem]
    as_table: bool


def read_sent(posted: QueryDict, file: UploadedFile | None, *, today: date) -> Sent:
    """A file goes before a pasted table, a table before the fields; lines of fields are numbered as they stand."""
    removed = [key for text in posted.getlist("remove")[:ROWS_MAX] if (key := _key(text)) is not None]
    text, problem = _table(posted, file)
    if problem is not None:
        return Sent((), removed, (problem,), True)
    if text:
        rows, problems = read_table(text, today=today)
        return Sent(rows, removed, problems, True)
    rows, problems = [], []
    for number in range(min(_number(posted), ROWS_MAX)):
        given = fields_of(posted, number)
        if not given["per_hour"]:
            continue
        read = read_price(given, number + 1, today=today)
        if isinstance(read, tuple):
            problems += read
        else:
            rows.append(read)
    return Sent(rows, removed, problems, False)


def fields_of(posted: QueryDict, number: int) -> dict[str, str]:
    """One line of the fields; source and date are the same for all lines."""
    own = {
        name: text_of(posted, f"r{number}-{name}")
        for name in ("kind", "region", "type", "per_hour", "currency")
    }
    return own | {"source": text_of(posted, "source", 400), "as_of": text_of(posted, "as_of")}


def lines_of(
    page: PricePage, posted: QueryDict | None, problems: Sequence[PriceProblem]
) -> list[dict[str, Any]]:
    """The types of the page as lines of fields with what was typed and what is wrong; one empty line follows."""
    currency = next((one.price.currency for one in page.priced if one.price), "USD")
    lines = []
    for number, one in enumerate((*page.missing, *page.priced, *page.unused)):
        typed = fields_of(posted, number) if posted else {}
        lines.append(
            {
                "number": number, "of": one, "per_hour": typed.get("per_hour", ""),
                "currency": typed.get("currency") or (one.price.currency if one.price else currency),
                "removal": _BETWEEN.join(one.price_key) if one.price else "",
                "problems": [each for each in problems if each.line == number + 1],
            }
        )  # fmt: skip
    number = len(lines)
    typed = fields_of(posted, number) if posted else {}
    blank: dict[str, Any] = {"number": number, "of": None, "currency": currency} | typed
    blank["problems"] = [each for each in problems if each.line == number + 1]
    lines.append(blank)
    return lines


def as_table(rows: Sequence[PriceRow]) -> str:
    """The rows as the table that they can be read from again."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, UNIT))
    for row in rows:
        values: Mapping[str, str] = row.as_json() | {"kind": row.kind, "region": row.region, "type": row.type}
        writer.writerow([*(values[name] for name in COLUMNS), unit_of(row.kind)])
    return text.getvalue() if rows else ""


def _table(posted: QueryDict, file: UploadedFile | None) -> tuple[str, PriceProblem | None]:
    if file is None:
        return posted.get("table", "").replace("\x00", "")[: CHARACTERS_MAX + 1].strip(), None
    if (file.size or 0) > CHARACTERS_MAX:
        return "", PriceProblem(0, "", "table_too_large")
    data = file.read()
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding).replace("\x00", ""), None
        except UnicodeDecodeError:
            continue
    return "", PriceProblem(0, "", "table_encoding")


def _key(text: str) -> Key | None:
    parts = text.replace("\x00", "").split(_BETWEEN)
    return (parts[0], parts[1], parts[2]) if len(parts) == len(("kind", "region", "type")) else None


def _number(posted: QueryDict) -> int:
    text = text_of(posted, "rows")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0
