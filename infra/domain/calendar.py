"""Decide which dates are working days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from types import MappingProxyType

from holidays import country_holidays

from infra.domain.reasons import Reason, ReasonCode, because

MONDAY_TO_FRIDAY: frozenset[int] = frozenset(range(5))


@dataclass(frozen=True, slots=True)
class DayKind:
    """Whether a date is worked, and why."""

    working: bool
    reason: Reason


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """The days that differ from the plain week. Immutable; dates are in the zone of the schedule that asks.

    holidays: name by date. coverage: first and last date the list speaks for, by default the whole years of
    its dates, None when it is empty. Outside the coverage only weekdays decide: callers warn before it ends.
    """

    holidays: Mapping[date, str] = field(default_factory=dict)
    coverage: tuple[date, date] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "holidays", MappingProxyType(dict(self.holidays)))
        if self.coverage is None and self.holidays:
            whole = date(min(self.holidays).year, 1, 1), date(max(self.holidays).year, 12, 31)
            object.__setattr__(self, "coverage", whole)

    def day(self, day: date, weekdays: frozenset[int] = MONDAY_TO_FRIDAY) -> DayKind:
        """Say whether a schedule for these weekdays (0 is Monday) works on a date; a holiday goes first."""
        name = self.holidays.get(day)
        if name is not None:
            return DayKind(False, because(ReasonCode.HOLIDAY, day=day, name=name))
        return _by_weekday(day, weekdays)

    def covers(self, day: date) -> bool:
        """Say whether the list speaks for a date."""
        return self.coverage is not None and self.coverage[0] <= day <= self.coverage[1]


@lru_cache(maxsize=1 << 14)
def _by_weekday(day: date, weekdays: frozenset[int]) -> DayKind:
    if day.weekday() in weekdays:
        return DayKind(True, because(ReasonCode.WORKING_DAY, day=day))
    return DayKind(False, because(ReasonCode.WEEKEND, day=day, weekday=day.weekday()))


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
