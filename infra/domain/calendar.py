"""Decide which dates are closed, and why: national holidays, company closures, extra working days."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from holidays import country_holidays

from infra.domain.reasons import Reason, ReasonCode, because

_MONTH_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", re.ASCII)
_LEAP_YEAR = 2024
FRIDAY = 4


class DayKind(NamedTuple):
    """What the calendar says of a date.

    closed: why nothing starts on it, or None. like: the weekday (0 is Monday) that plain weekday rules see: its own, but
    for an extra working day on a weekend a Friday. extra: it is an extra working day.
    """

    date: date
    closed: Reason | None
    like: int
    extra: bool = False


@dataclass(frozen=True, slots=True)
class ClosedRange:
    """Days of every year on which the company is closed, "MM-DD" to "MM-DD" inclusive, across New Year if the end is
    before the beginning. A text that is no day of a year is a ValueError."""

    first: str
    last: str
    name: str

    def __post_init__(self) -> None:
        for text in (self.first, self.last):
            found = _MONTH_DAY.fullmatch(text)
            if found is None:
                raise ValueError(text)
            date(_LEAP_YEAR, int(found[1]), int(found[2]))

    def holds(self, day: date) -> bool:
        """Say whether a date lies in the range, of whichever year."""
        text = f"{day:%m-%d}"
        if self.first <= self.last:
            return self.first <= text <= self.last
        return text >= self.first or text <= self.last


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The days that differ from the plain week. Immutable; dates are in the zone of the schedule that asks.

    holidays: name by date. ranges, closed (name by date): when the company is closed. extra: working days although
    something else says otherwise, name by date. coverage: first and last date that the list of holidays speaks for, by
    default the whole years of its dates, None when it is empty; outside of it no day is a holiday: callers warn before.
    Precedence: extra working day > single closed day > closed range > holiday > weekday.
    """

    holidays: Mapping[date, str] = field(default_factory=dict)
    coverage: tuple[date, date] | None = None
    ranges: tuple[ClosedRange, ...] = ()
    closed: Mapping[date, str] = field(default_factory=dict)
    extra: Mapping[date, str] = field(default_factory=dict)
    _months: dict[tuple[int, int], frozenset[int]] = field(init=False, repr=False, default_factory=dict)
    _listed: tuple[date, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        for name in ("holidays", "closed", "extra"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        if self.coverage is None and self.holidays:
            whole = date(min(self.holidays).year, 1, 1), date(max(self.holidays).year, 12, 31)
            object.__setattr__(self, "coverage", whole)
        listed = tuple(sorted({*self.holidays, *self.closed, *self.extra}))
        object.__setattr__(self, "_listed", listed)
        if not self.ranges:
            months: dict[tuple[int, int], set[int]] = {}
            for day in listed:
                months.setdefault((day.year, day.month), set()).add(day.day)
            self._months.update({key: frozenset(days) for key, days in months.items()})

    def day(self, day: date) -> DayKind:
        """Say what kind of date it is for every schedule that observes this calendar."""
        weekday = day.weekday()
        if day in self.extra:
            return DayKind(day, None, min(weekday, FRIDAY), extra=True)
        name = self.closed.get(day)
        if name is None and self.ranges:
            name = next((one.name for one in self.ranges if one.holds(day)), None)
        if name is not None:
            return DayKind(day, because(ReasonCode.CLOSURE, day=day, name=name), weekday)
        name = self.holidays.get(day)
        if name is not None:
            return DayKind(day, because(ReasonCode.HOLIDAY, day=day, name=name), weekday)
        return DayKind(day, None, weekday)

    def special(self, year: int, month: int) -> frozenset[int]:
        """The days of a month that are not plain days of their week: closed ones and extra working days."""
        if not self.ranges:
            return self._months.get((year, month), frozenset())
        if (year, month) not in self._months:
            self._months[year, month] = frozenset(
                kind.date.day for kind in map(self.day, _days_of(year, month)) if kind.closed or kind.extra
            )
        return self._months[year, month]

    def listed_after(self, day: date) -> Sequence[date]:
        """The dates after another that are listed by themselves, in order: in between, years of one kind are alike."""
        return self._listed[bisect_right(self._listed, day) :]

    def covers(self, day: date) -> bool:
        """Say whether the list speaks for a date."""
        return self.coverage is not None and self.coverage[0] <= day <= self.coverage[1]


def _days_of(year: int, month: int) -> Iterable[date]:
    day = date(year, month, 1)
    while day.month == month:
        yield day
        day += timedelta(days=1)


@lru_cache(maxsize=64)
def national(years: range) -> Calendar:
    """Give Japan's national holidays of some years, named in Japanese, substitute and bridge days included.

    Source: library `holidays`. The equinox days of years not yet announced in the official gazette are its
    computations. Years it does not know lie outside the coverage; no year that it knows is a ValueError.
    """
    library = country_holidays("JP")
    first, last = max(min(years), library.start_year), min(max(years), library.end_year)
    if first > last:
        raise ValueError(f"no national holidays are known for {min(years)} to {max(years)}")
    return _national(first, last)


@lru_cache(maxsize=64)
def _national(first: int, last: int) -> Calendar:
    days = country_holidays("JP", years=range(first, last + 1), language="ja")
    return Calendar(dict(days.items()), (date(first, 1, 1), date(last, 12, 31)))
