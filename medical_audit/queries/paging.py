"""Pages of long lists by keyset: the cursor is the last row seen, so that page 1000 costs what page 1 costs."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet

from medical_audit.domain.errors import Refused

PAGE_SIZE = 50
PAGE_SIZE_MAX = 200


@dataclass(frozen=True, slots=True)
class Cursors:
    """Where the reader stands: rows after or before one row (its cursor text); both empty is the first page."""

    after: str = ""
    before: str = ""
    size: int = PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in the list's order, and the cursors of the pages beside them (None: there is none)."""

    rows: list[Any]
    previous: str | None
    next: str | None


def page_of(
    rows: QuerySet[Any], fields: tuple[str, str], cursors: Cursors, *, descending: bool = False
) -> Page:
    """One page ordered by two fields of which the second is unique. Raises Refused for a cursor that is not ours."""
    backwards = bool(cursors.before) and not cursors.after
    mark = cursors.before if backwards else cursors.after
    down = descending != backwards
    if mark:
        rows = rows.filter(_beyond(rows.model, fields, mark, down=down))
    sign = "-" if down else ""
    size = max(1, min(cursors.size, PAGE_SIZE_MAX))
    found = list(rows.order_by(*(sign + name for name in fields))[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_previous, has_next = (more, True) if backwards else (bool(mark), more)
    return Page(
        rows=found,
        previous=_cursor(found[0], fields) if found and has_previous else None,
        next=_cursor(found[-1], fields) if found and has_next else None,
    )


def page_among(rows: Sequence[Any], id_of: Callable[[Any], str], cursors: Cursors) -> Page:
    """One page of rows that stand in an order of their own already. The cursor is the row's id, and its place in case that it is gone
    by then. Raises Refused for a cursor that is not ours."""
    size = max(1, min(cursors.size, PAGE_SIZE_MAX))
    begin, end = 0, size
    if cursors.after:
        at, there = _place(rows, id_of, cursors.after)
        begin, end = at + there, at + there + size
    elif cursors.before:
        end, _there = _place(rows, id_of, cursors.before)
        begin = max(0, end - size)
    found = list(rows[begin:end])
    return Page(
        rows=found,
        previous=_mark(id_of(found[0]), begin) if found and begin > 0 else None,
        next=_mark(id_of(found[-1]), begin + len(found) - 1) if found and end < len(rows) else None,
    )


def _place(rows: Sequence[Any], id_of: Callable[[Any], str], mark: str) -> tuple[int, bool]:
    """Where the row of a cursor stands, and whether it still does: what came after one that is gone moved up to its place."""
    try:
        name, place = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
        kept = min(max(0, int(place)), len(rows))
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise Refused("bad_cursor") from error
    at = next((at for at, row in enumerate(rows) if id_of(row) == name), None)
    return (kept, False) if at is None else (at, True)


def _mark(name: str, place: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([name, place]).encode()).decode().rstrip("=")


def _beyond(model: type[Model], fields: tuple[str, str], mark: str, *, down: bool) -> Q:
    first, second = fields
    one, two = _values(model, fields, mark)
    way = "lt" if down else "gt"
    further = Q(**{f"{first}__{way}": one}) | Q(**{first: one, f"{second}__{way}": two})
    return Q(**{f"{first}__{way}e": one}) & further


def _cursor(row: Any, fields: tuple[str, str]) -> str:
    values = [getattr(row, name) for name in fields]
    texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(texts, ensure_ascii=False).encode()).decode().rstrip("=")


#: Instants beyond these cannot be moved to another zone; no row has one.
OLDEST, NEWEST = datetime(1900, 1, 1), datetime(9000, 1, 1)  # noqa: DTZ001  bounds of a comparison


def _values(model: type[Model], fields: tuple[str, str], mark: str) -> tuple[Any, Any]:
    try:
        texts = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
        one, two = (_value(model, name, str(text)) for name, text in zip(fields, texts, strict=True))
    except (ValueError, TypeError, RecursionError, binascii.Error, ValidationError) as error:
        raise Refused("bad_cursor") from error
    return one, two


def _value(model: type[Model], name: str, text: str) -> Any:
    field = model._meta.get_field(name)
    if not isinstance(field, Field) or "\x00" in text:
        raise ValueError(name)
    text.encode("utf-8")  # half a character is no text (UnicodeEncodeError is a ValueError)
    value = field.to_python(text)
    if isinstance(value, datetime) and not OLDEST <= value.replace(tzinfo=None) <= NEWEST:
        raise ValueError(name)
    return value
