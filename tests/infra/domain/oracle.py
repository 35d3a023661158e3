"""A second schedule engine that knows no rules about instants: it watches a wall clock go by, minute by minute.

It shares no code with the engine: begins and ends are the minutes at which the local clock reaches or jumps over a time
for the first time, and days are matched by counting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
BEFORE = 3 * 24 * 60  # minutes watched before the first one that is asked about


@dataclass(frozen=True)
class Hours:
    """One period: minutes after midnight (1440 is 24:00), and days as sets that count."""

    begin: int | None
    end: int | None
    weekdays: frozenset[int] | None = None
    nth: frozenset[tuple[int, int]] = frozenset()
    last: frozenset[int] = frozenset()
    monthdays: frozenset[int] | None = None
    last_day: bool = False
    nearest: frozenset[int] = frozenset()
    months: frozenset[int] | None = None

    def is_for(self, day: date) -> bool:
        return self._month(day) and self._weekday(day) and self._monthday(day)

    def _month(self, day: date) -> bool:
        return self.months is None or day.month in self.months

    def _weekday(self, day: date) -> bool:
        if self.weekdays is None:
            return True
        same = [one for one in _month_of(day) if one.weekday() == day.weekday()]
        nth, is_last = same.index(day) + 1, same[-1] == day
        return (
            day.weekday() in self.weekdays
            or (day.weekday(), nth) in self.nth
            or (is_last and day.weekday() in self.last)
        )

    def _monthday(self, day: date) -> bool:
        if self.monthdays is None:
            return True
        month = _month_of(day)
        worked = [one for one in month if one.weekday() < 5]
        near = {
            min(worked, key=lambda one: abs(one.day - wanted))
            for wanted in self.nearest
            if wanted <= len(month)
        }
        return day.day in self.monthdays or (self.last_day and day == month[-1]) or day in near


@dataclass(frozen=True)
class Case:
    """Some days from `begin` on; windows are (first minute, minute after the last, wish, rank)."""

    begin: datetime
    minutes: int
    zone: str
    periods: tuple[Hours, ...]
    holidays: frozenset[date] = frozenset()
    windows: tuple[tuple[int, int, str, int], ...] = ()
    names: Mapping[date, str] = field(default_factory=dict, compare=False)


@cache
def _month_of(day: date) -> list[date]:
    first = day.replace(day=1)
    days = [first + timedelta(days=number) for number in range(31)]
    return [one for one in days if one.month == first.month]


@cache
def wall_clock(begin: datetime, minutes: int, zone: str) -> list[tuple[int, int, date]]:
    """Every time a wall clock reaches or jumps over, once: in which minute, minutes after midnight, date."""
    tz = ZoneInfo(zone)
    ticks: list[tuple[int, int, date]] = []
    reached = (begin - (BEFORE + 1) * MINUTE).astimezone(tz).replace(tzinfo=None)
    for minute in range(-BEFORE, minutes):
        wall = (begin + minute * MINUTE).astimezone(tz).replace(tzinfo=None)
        while reached < wall:
            reached += MINUTE
            ticks.append((minute, reached.hour * 60 + reached.minute, reached.date()))
    return ticks


def states(case: Case) -> list[str]:
    """The state wanted in each minute of the case."""
    length = BEFORE + case.minutes
    active: set[tuple[int, date]] = set()
    stopping: set[int] = set()  # end-only periods that are past their end today
    closed = False
    running: list[frozenset[int]] = []
    moods: list[str] = []
    ticks = iter([*wall_clock(case.begin, case.minutes, case.zone), (case.minutes + 1, 0, date.max)])
    coming = next(ticks)
    one_sided = {
        number for number, one in enumerate(case.periods) if (one.begin is None) != (one.end is None)
    }
    for minute in range(-BEFORE, case.minutes):
        while coming[0] <= minute:
            _, clock, day = coming
            if clock == 0:
                closed = day in case.holidays
                stopping.clear()
            _tick(case, clock, day, active, stopping)
            coming = next(ticks)
        running.append(frozenset(number for number, _ in active))
        moods.append("stopped" if closed or one_sided <= stopping else "any")
    _bridge(running)
    found = ["running" if running[n] else moods[n] for n in range(length)]
    return _under_windows(case, found[BEFORE:])


def _tick(case: Case, clock: int, day: date, active: set[tuple[int, date]], stopping: set[int]) -> None:
    """What the clock's reaching one time on one date ends and begins."""
    yesterday = day - timedelta(days=1)
    for number, one in enumerate(case.periods):
        if one.begin is not None and one.begin == one.end:
            continue
        begin = 0 if one.begin is None and one.end is None else one.begin
        if begin is None:
            if clock == one.end and one.is_for(day):
                stopping.add(number)
            continue
        if one.end is None or one.end == 1440:
            if clock == 0:
                active.discard((number, yesterday))
        elif clock == one.end:
            active.discard((number, day if one.end > begin else yesterday))
        if clock == begin and one.is_for(day) and day not in case.holidays:
            active.add((number, day))


def _bridge(running: list[frozenset[int]]) -> None:
    """One minute in which nothing runs, between two different periods, is no gap."""
    for minute in range(1, len(running) - 1):
        before, after = running[minute - 1], running[minute + 1]
        if not running[minute] and any(one != two for one in before for two in after):
            running[minute] = frozenset({-1})


def _under_windows(case: Case, found: list[str]) -> list[str]:
    for since, until, wish, _ in sorted(case.windows, key=lambda one: (one[3], one[0])):
        for minute in range(max(since, 0), min(until, case.minutes)):
            found[minute] = wish
    return found
