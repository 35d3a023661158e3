"""The coming days of a schedule, one local date after another, drawn by the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from infra.domain.calendar import Calendar
from infra.domain.duty import Duty, Occurrence, occurrences
from infra.domain.reasons import Reason, ReasonCode, because
from infra.domain.schedule import Schedule, State
from infra.domain.stretches import stretches
from infra.domain.times import day_bounds
from infra.domain.week import DAY_MINUTES

DAYS = 14
#: How far the next changes are looked for: a closure may be long, a maintenance day comes once a month.
NEXT_WITHIN = timedelta(days=100)
SATURDAY = 5
_MOMENT, _HOUR = timedelta(microseconds=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """Minutes of the local clock in which it runs."""

    begin: int
    length: int


@dataclass(frozen=True, slots=True)
class Act:
    """A start or stop; day and clock (HH:MM) in the schedule's zone; suppressed: why it is not done."""

    at: datetime
    day: date
    clock: str
    action: str
    suppressed: Reason | None = None


@dataclass(frozen=True, slots=True)
class DayLine:
    """One local date: what kind of day, when it runs, what starts and stops.

    runs, lasts: hours that pass while it runs, and in all; a date of a zone with summer time may have 23 or 25.
    """

    date: date
    reason: Reason
    bars: tuple[Bar, ...]
    acts: tuple[Act, ...]
    runs: float
    lasts: float


@dataclass(frozen=True, slots=True)
class DayPair:
    """One date by two contents of a schedule, each in its own zone."""

    date: date
    before: DayLine
    after: DayLine

    @property
    def differs(self) -> bool:
        return self.before != self.after


def days_of(schedule: Schedule, calendar: Calendar, now: datetime, days: int = DAYS) -> tuple[DayLine, ...]:
    """The coming days in the schedule's zone, today first."""
    duty, tz = Duty(schedule, calendar), schedule.tz
    today = now.astimezone(tz).date()
    return tuple(day_line(duty, today + timedelta(days=ahead), tz) for ahead in range(days))


def days_of_both(
    before: Schedule, after: Schedule, calendar: Calendar, now: datetime, days: int = DAYS
) -> tuple[DayPair, ...]:
    """The same dates by two schedules, beginning today where the second one is."""
    first, second = Duty(before, calendar), Duty(after, calendar)
    today = now.astimezone(after.tz).date()
    dates = [today + timedelta(days=ahead) for ahead in range(days)]
    return tuple(
        DayPair(one, day_line(first, one, before.tz), day_line(second, one, after.tz)) for one in dates
    )


def next_acts(schedule: Schedule, calendar: Calendar, now: datetime, number: int = 3) -> tuple[Act, ...]:
    """The next starts and stops that are done, fewer where fewer come within a hundred days."""
    found: list[Act] = []
    since, step = now, timedelta(days=4)
    while len(found) < number and since < now + NEXT_WITHIN:
        until = min(since + step, now + NEXT_WITHIN)
        found += [
            _act(one, schedule.tz)
            for one in occurrences(Duty(schedule, calendar), since, until)
            if one.suppressed is None
        ]
        since, step = until, step * 2
    return tuple(found[:number])


def day_line(duty: Duty, day: date, tz: ZoneInfo) -> DayLine:
    """One date of a duty."""
    begin, end = day_bounds(day, tz)
    acts = tuple(_act(one, tz) for one in occurrences(duty, begin - _MOMENT, end - _MOMENT))
    bars, runs = [], timedelta(0)
    for one in stretches(duty, begin, end):
        if one.state is State.RUNNING:
            runs += one.end - one.begin
            since, until = _minute(one.begin, tz), DAY_MINUTES if one.end == end else _minute(one.end, tz)
            bars.append(Bar(since, max(0, until - since)))
    return DayLine(
        day, day_reason(duty.calendar, day), tuple(bars), acts, runs / _HOUR, (end - begin) / _HOUR
    )


def day_reason(calendar: Calendar, day: date) -> Reason:
    """What kind of day it is: closed and why, a working day, or a weekend."""
    kind = calendar.day(day)
    if kind.closed is not None:
        return kind.closed
    if kind.like < SATURDAY:
        return because(ReasonCode.WORKING_DAY, day=day)
    return because(ReasonCode.WEEKEND, day=day, weekday=kind.like)


def hours_on(days: Sequence[DayLine]) -> float:
    """How many hours pass on these dates while it runs."""
    return sum(line.runs for line in days)


def _act(one: Occurrence, tz: ZoneInfo) -> Act:
    local = one.at.astimezone(tz)
    return Act(one.at, local.date(), f"{local:%H:%M}", str(one.action), one.suppressed)


def _minute(at: datetime, tz: ZoneInfo) -> int:
    local = at.astimezone(tz)
    return local.hour * 60 + local.minute
