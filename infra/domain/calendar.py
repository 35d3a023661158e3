"""Decide which dates are working days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from holidays import country_holidays

from infra.domain.reasons import Reason, ReasonCode, because

MONDAY_TO_FRIDAY: frozenset[int] = frozenset(range(5))


class DayKind(NamedTuple):
    """What the calendar says of a date.

    closed: why nothing starts on it, or None. like: the weekday (0 is Monday) that plain weekday rules see: its own, but
    for an extra working day on a weekend a Friday. extra: it is an extra working day.
    """

    date: date
    closed: Reason | None
    like: int
    extra: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The days that differ from the plain week. Immutable; dates are in the zone of the schedule that asks.

    holidays: name by date. coverage: first and last date the list speaks for, by default the whole years of
    its dates, None when it is empty. Outside the coverage only weekdays decide: callers warn before it ends.
    """

    holidays: Mapping[date, str] = field(default_factory=dict)
    coverage: tuple[date, date] | None = None
    _months: Mapping[tuple[int, int], frozenset[int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holidays", MappingProxyType(dict(self.holidays)))
        months: dict[tuple[int, int], set[int]] = {}
        for day in self.holidays:
            months.setdefault((day.year, day.month), set()).add(day.day)
        object.__setattr__(self, "_months", {key: frozenset(days) for key, days in months.items()})
        if self.coverage is None and self.holidays:
            whole = date(min(self.holidays).year, 1, 1), date(max(self.holidays).year, 12, 31)
            object.__setattr__(self, "coverage", whole)

    def day(self, day: date) -> DayKind:
        """Say what kind of date it is for every schedule that observes this calendar."""
        name = self.holidays.get(day)
        closed = because(ReasonCode.HOLIDAY, day=day, name=name) if name is not None else None
        return DayKind(day, closed, day.weekday())

    def special(self, year: int, month: int) -> frozenset[int]:
        """The days of a month that are not plain days of their week: closed ones and extra working days."""
        return self._months.get((year, month), frozenset())

    def covers(self, day: date) -> bool:
        """Say whether the list speaks for a date."""
        return self.coverage is not None and self.coverage[0] <= day <= self.coverage[1]


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
