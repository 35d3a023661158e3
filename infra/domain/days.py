"""Which dates a period is for: weekdays, days of the month and months, all of which must match.

Grammar (None means every): weekdays `mon-fri`, ranges that wrap (`sat-mon`), `mon#1` (first Monday), `friL` (last
Friday), numbers 0 = Monday; month days `1-7`, `1/15` (1, 16, 31), `*/2`, `L` (last), `15W` (weekday nearest to the
15th, in the same month); months `jan-mar`, `11-2`. Lists are joined by commas or given as lists.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from infra.domain.findings import shown

Text = str | int | Sequence[str | int] | None

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_NTH = re.compile(r"([a-z]+|[0-6])#([1-5])", re.ASCII)
_LAST = re.compile(r"([a-z]{3,}?|[0-6])l", re.ASCII)
_NEAREST = re.compile(r"([0-9]{1,2})w", re.ASCII)
_LONGEST = 200
EVERY = "*"
#: The names of plain weekdays, 0 is Monday.
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class BadDays(ValueError):
    """A text that is no rule for days; `field` names which of the three, `part` the piece that cannot be read."""

    def __init__(self, field: str, part: str) -> None:
        super().__init__(f"{field}: {part}")
        self.field, self.part = field, part


@dataclass(frozen=True, slots=True)
class DayRule:
    """weekdays: plain ones, 0 is Monday; nth: (weekday, 1-5), last: weekdays. None of a field means every."""

    weekdays: frozenset[int] | None = None
    nth: frozenset[tuple[int, int]] = frozenset()
    last: frozenset[int] = frozenset()
    monthdays: frozenset[int] | None = None
    last_day: bool = False
    nearest: frozenset[int] = frozenset()
    months: frozenset[int] | None = None

    def matches(self, day: date, like: int | None = None) -> bool:
        """Say whether the rule names a date; `like` is the weekday that plain weekdays see instead of its own."""
        if self.months is not None and day.month not in self.months:
            return False
        return self._weekday(day, like) and self._monthday(day)

    @property
    def weekly(self) -> bool:
        """It looks at plain weekdays only, so that every week is like the next."""
        return not self.nth and not self.last and self.monthdays is None and self.months is None

    @property
    def possible(self) -> bool:
        """Some date of the calendar is named: 29 February on a Monday is one of them, 31 February is not."""
        return _possible(self)

    def in_month(self, year: int, month: int) -> frozenset[int]:
        """The days of a month that the rule names."""
        return _in_month(self, year, month)

    def _weekday(self, day: date, like: int | None) -> bool:
        if self.weekdays is None:
            return True
        own = day.weekday()
        if own in self.weekdays or (like is not None and like in self.weekdays):
            return True
        if (own, (day.day + 6) // 7) in self.nth:
            return True
        return own in self.last and day.day + 7 > monthrange(day.year, day.month)[1]

    def _monthday(self, day: date) -> bool:
        if self.monthdays is None or day.day in self.monthdays:
            return True
        if self.last_day and day.day == monthrange(day.year, day.month)[1]:
            return True
        return any(_nearest(day.year, day.month, wanted) == day.day for wanted in self.nearest)


EVERY_DAY = DayRule()


@lru_cache(maxsize=1 << 12)
def read_days(weekdays: str | None, monthdays: str | None, months: str | None) -> DayRule:
    """Read the three texts; raises BadDays. Lists go through `as_text` first."""
    plain, nth, last = _read_weekdays(weekdays)
    days, last_day, nearest = _read_monthdays(monthdays)
    return DayRule(
        _unless_every(plain, 7),
        nth,
        last,
        _unless_every(days, 31),
        last_day,
        nearest,
        _unless_every(_read_months(months), 12),
    )


def _unless_every(found: frozenset[int] | None, number: int) -> frozenset[int] | None:
    return None if found is not None and len(found) == number else found


def as_text(field: str, value: Text) -> str | None:
    """Give a list, a number or a text as the text of the grammar; raises BadDays for anything else."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, list | tuple) or not value:
        raise BadDays(field, shown(repr(value)))
    if any(isinstance(one, bool) or not isinstance(one, int | str) for one in value):
        raise BadDays(field, shown(repr(value)))
    return ",".join(str(one) for one in value)


def _parts(field: str, text: str) -> list[str]:
    if len(text) > _LONGEST:
        raise BadDays(field, shown(text[:40]))
    parts = ["".join(part.split()).lower() for part in text.split(",")]
    if not all(parts):
        raise BadDays(field, shown(text))
    return parts


class _Scale(NamedTuple):
    """The numbers of one field, and their names, of which three letters are enough."""

    field: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    wraps: bool = True

    def number(self, name: str, part: str) -> int:
        if re.fullmatch(r"[0-9]{1,2}", name, re.ASCII) and self.low <= int(name) <= self.high:
            return int(name)
        for index, known in enumerate(self.names):
            if len(name) >= 3 and known.startswith(name):
                return index + self.low
        raise BadDays(self.field, shown(part))

    def span(self, part: str) -> set[int]:
        """Read `a`, `a-b`, `a/n`, `a-b/n` or `*/n`; a range whose end is before its begin wraps round, if it may."""
        body, slash, step = part.partition("/")
        begin_text, dash, end_text = body.partition("-")
        if begin_text == EVERY and not dash:
            begin, end = self.low, self.high
        else:
            begin = self.number(begin_text, part)
            end = self.number(end_text, part) if dash else (self.high if slash else begin)
        if end < begin and not self.wraps:
            raise BadDays(self.field, shown(part))
        width = self.high - self.low + 1
        stride = _Scale(self.field, 1, width).number(step, part) if slash else 1
        length = (end - begin) % width + 1
        return {self.low + (begin - self.low + offset) % width for offset in range(0, length, stride)}


_WEEKDAY = _Scale("weekdays", 0, 6, _WEEKDAYS)
_MONTHDAY = _Scale("monthdays", 1, 31, wraps=False)
_MONTH = _Scale("months", 1, 12, _MONTHS)


def _read_weekdays(
    text: str | None,
) -> tuple[frozenset[int] | None, frozenset[tuple[int, int]], frozenset[int]]:
    nth: set[tuple[int, int]] = set()
    last: set[int] = set()
    plain: set[int] = set()
    parts = [EVERY] if text is None else _parts("weekdays", text)
    for part in parts:
        if found := _NTH.fullmatch(part):
            nth.add((_WEEKDAY.number(found[1], part), int(found[2])))
        elif (found := _LAST.fullmatch(part)) and not _is_name(part, _WEEKDAYS):
            last.add(_WEEKDAY.number(found[1], part))
        else:
            plain |= _WEEKDAY.span(part)
    return frozenset(plain), frozenset(nth), frozenset(last)


def _read_monthdays(text: str | None) -> tuple[frozenset[int] | None, bool, frozenset[int]]:
    plain: set[int] = set()
    nearest: set[int] = set()
    last_day = False
    for part in [EVERY] if text is None else _parts("monthdays", text):
        if part == "l":
            last_day = True
        elif found := _NEAREST.fullmatch(part):
            nearest.add(_MONTHDAY.number(found[1], part))
        else:
            plain |= _MONTHDAY.span(part)
    return frozenset(plain), last_day, frozenset(nearest)


def _read_months(text: str | None) -> frozenset[int] | None:
    parts = [EVERY] if text is None else _parts("months", text)
    return frozenset(number for part in parts for number in _MONTH.span(part))


def _is_name(part: str, names: Sequence[str]) -> bool:
    return len(part) >= 3 and any(known.startswith(part) for known in names)


@lru_cache(maxsize=1 << 12)
def _nearest(year: int, month: int, wanted: int) -> int | None:
    """The weekday (Monday to Friday) nearest to a day, in the same month; None where the month has no such day."""
    length = monthrange(year, month)[1]
    if wanted > length:
        return None
    weekday = date(year, month, wanted).weekday()
    if weekday == 5:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 6:
        return wanted + 1 if wanted < length else wanted - 2
    return wanted


#: Years of each of the 14 kinds that there are: which weekday they begin on, with and without 29 February.
_EVERY_KIND_OF_YEAR = range(2000, 2028)


@lru_cache(maxsize=1 << 12)
def _possible(rule: DayRule) -> bool:
    return any(_in_month(rule, year, month) for year in _EVERY_KIND_OF_YEAR for month in range(1, 13))


@lru_cache(maxsize=1 << 14)
def _in_month(rule: DayRule, year: int, month: int) -> frozenset[int]:
    if rule.months is not None and month not in rule.months:
        return frozenset()
    days = range(1, monthrange(year, month)[1] + 1)
    return frozenset(day for day in days if rule.matches(date(year, month, day)))
