"""How the filters of lists are written, and which of those that an address names cannot be read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from medical_audit.domain.anomalies import Rule
from medical_audit.domain.punctuality import Kept
from medical_audit.domain.seats import End
from medical_audit.domain.states import State

TEXT_MAX = 200
UUID_TEXT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ACCOUNT_TEXT = re.compile(r"[0-9]{12}")
SESSION_STATES: Final = ("open", "parallel", *map(str, End))


@dataclass(frozen=True, slots=True)
class Shape:
    """How the value of a filter is written: `reads` says whether one can be read, `said` how to write it; `enum`, `pattern` and
    `format` tell programs the same."""

    reads: Callable[[str], bool]
    said: Any
    enum: tuple[str, ...] = ()
    pattern: str = ""
    format: str = ""


def month_bounds(text: str, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """The first instants of a month ("2026-11") and of the next one; None twice for what is no month."""
    first = day_of(f"{text}-01") if re.fullmatch(r"[0-9]{4}-[0-9]{2}", text) else None
    if first is None:
        return None, None
    following = (first + timedelta(days=31)).replace(day=1)
    return datetime.combine(first, time(), zone), datetime.combine(following, time(), zone)


def day_of(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if date(2000, 1, 1) <= found <= date(9000, 1, 1) else None


def one_of(values: tuple[str, ...]) -> Shape:
    """One of these words; capitals (states) may be written small."""
    known = frozenset(values)
    said = format_lazy(_("Give one of these: {values}."), values=", ".join(values))
    return Shape(lambda text: bool(known & {text, text.upper()}), said, enum=values)


TEXT: Final = Shape(
    lambda text: len(text) <= TEXT_MAX and "\x00" not in text,
    format_lazy(_("Write at most {most} characters, none of them invisible."), most=TEXT_MAX),
)
DAY: Final = Shape(lambda text: day_of(text) is not None, _("Write a day like 2026-11-30."), format="date")
MONTH: Final = Shape(
    lambda text: month_bounds(text, ZoneInfo("UTC"))[0] is not None,
    _("Write a month like 2026-11."),
    pattern="^[0-9]{4}-[0-9]{2}$",
)
ID: Final = Shape(
    lambda text: UUID_TEXT.fullmatch(text.lower()) is not None,
    _("Write an id like 018f2c3a-0000-7000-8000-000000000000."),
    format="uuid",
)
ACCOUNT: Final = Shape(
    lambda text: ACCOUNT_TEXT.fullmatch(text) is not None,
    _("Write the 12 digits of the account."),
    pattern="^[0-9]{12}$",
)
YES: Final = one_of(("yes",))
YES_NO: Final = one_of(("yes", "no"))

#: The filters of each list of the record, by name, as pages and API take them.
EVENTS: Final[Mapping[str, Shape]] = {
    "event": TEXT, "actor": TEXT, "role": TEXT, "subject": TEXT, "outcome": TEXT, "address": TEXT, "session": TEXT,
    "off_hours": YES, "proxy": YES, "q": TEXT, "from": DAY, "to": DAY,
}  # fmt: skip
OF_MONTH: Final[Mapping[str, Shape]] = {"month": MONTH}
SESSIONS: Final[Mapping[str, Shape]] = {**OF_MONTH, "state": one_of(SESSION_STATES), "person": ID}
OPERATIONS: Final[Mapping[str, Shape]] = {
    "state": one_of(tuple(map(str, State))), "kind": TEXT, "target": TEXT, "mine": YES, "kept": one_of(tuple(map(str, Kept))),
    "month": MONTH, "q": TEXT,
}  # fmt: skip
IN_ANOMALIES: Final[Mapping[str, Shape]] = {"rule": one_of(tuple(map(str, Rule))), "person": ID}
ANOMALIES: Final[Mapping[str, Shape]] = {**OF_MONTH, **IN_ANOMALIES}


@dataclass(frozen=True, slots=True)
class Unread:
    """A filter that was named and cannot be read; `said`: how to write it."""

    name: str
    given: str
    said: Any


def unread(query: QueryDict, shapes: Mapping[str, Shape]) -> list[Unread]:
    """Which of these filters an address names in a way that cannot be read; an empty one asks for nothing."""
    found = []
    for name, shape in shapes.items():
        values = [value for value in query.getlist(name) if value.strip()]
        if len(values) > 1:
            found.append(Unread(name, ", ".join(values)[:TEXT_MAX], _("Give it once.")))
        elif values and not shape.reads(values[0].strip()):
            found.append(Unread(name, values[0][:TEXT_MAX], shape.said))
    return found
