"""A schedule as a week of seven days of 24 hours, as a rule: without holidays, drawn by the engine. Pure.

What comes in every week is drawn as it comes; periods for n-th or last weekdays, or for some months, stand on their
weekdays as "sometimes"; periods for days of the month belong to no weekday and are listed apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from infra.domain.calendar import Calendar
from infra.domain.days import DayRule
from infra.domain.duty import Duty
from infra.domain.schedule import Period, Schedule, State
from infra.domain.stretches import stretches

DAY_MINUTES = 24 * 60
_DAY, _WEEK = timedelta(days=1), 7
_EVERY_WEEKDAY = frozenset(range(_WEEK))


class Mark(StrEnum):
    """RUNS every week, SOMETIMES (on the n-th weekday, in some months), ALONE: left as it is."""

    RUNS = "runs"
    SOMETIMES = "sometimes"
    ALONE = "alone"


@dataclass(frozen=True, slots=True)
class Block:
    """Minutes of one weekday on the local clock, `begin <= t < end`.

    period: what comes only sometimes. from_before, goes_on: it goes over midnight on that side.
    """

    begin: int
    end: int
    mark: Mark
    period: Period | None = None
    from_before: bool = False
    goes_on: bool = False

    @property
    def length(self) -> int:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Weekday:
    """One row of the grid; number 0 is Monday."""

    number: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """The grid, and the periods that belong to no weekday."""

    days: tuple[Weekday, ...]
    apart: tuple[Period, ...]

    @property
    def marks(self) -> frozenset[Mark]:
        """What a legend has to explain."""
        return frozenset(block.mark for day in self.days for block in day.blocks)


def week_of(schedule: Schedule, today: date) -> Week:
    """Draw a schedule as a week, the first from `today`'s on in which its zone does not change its clocks."""
    monday = _plain_week(schedule.tz, today)
    weekly = tuple(one for one in schedule.periods if one.days.weekly)
    blocks = list(_blocks(schedule, weekly, monday))
    apart = []
    for period in schedule.periods:
        if period.days.weekly:
            continue
        found = list(_sometimes(schedule, period, monday))
        blocks += found
        apart += [] if found else [period]
    days = [Weekday(number, tuple(block for at, block in blocks if at == number)) for number in range(_WEEK)]
    return Week(tuple(days), tuple(apart))


def _plain_week(tz: ZoneInfo, today: date) -> date:
    monday = today - timedelta(days=today.weekday())
    while (
        len({datetime.combine(monday + offset * _DAY, time(), tz).utcoffset() for offset in range(-1, 9)}) > 1
    ):
        monday += _WEEK * _DAY
    return monday


def _sometimes(schedule: Schedule, period: Period, monday: date) -> Iterator[tuple[int, Block]]:
    rule = period.days
    if rule.monthdays is not None or rule.last_day or rule.nearest:
        return
    named = rule.weekdays or frozenset()
    weekdays = (
        named | {number for number, _ in rule.nth} | rule.last
        if rule.weekdays is not None
        else _EVERY_WEEKDAY
    )
    often = replace(period, days=DayRule(weekdays=weekdays))
    for number, block in _blocks(schedule, (often,), monday):
        if block.mark is Mark.RUNS:
            yield number, replace(block, mark=Mark.SOMETIMES, period=_of_weekday(period, number))


def _of_weekday(period: Period, number: int) -> Period:
    """The part of a period that may begin on one weekday, for its words."""
    rule = period.days
    nth = frozenset(one for one in rule.nth if one[0] == number)
    days = replace(rule, nth=nth, last=rule.last & {number})
    return replace(period, days=days) if nth or days.last else period


def _blocks(schedule: Schedule, periods: tuple[Period, ...], monday: date) -> Iterator[tuple[int, Block]]:
    """The stretches of some periods in one week, cut at midnight."""
    if not periods:
        return
    tz = schedule.tz
    plain = Schedule(schedule.zone, periods, replace(schedule.options, holidays=False))
    since, until = (datetime.combine(one, time(), tz) for one in (monday, monday + _WEEK * _DAY))
    # A day more on either side, so that what runs over the first and the last midnight is seen as going over it.
    for begin, end, state in stretches(Duty(plain, Calendar()), since - _DAY, until + _DAY):
        if state is State.STOPPED:
            continue
        mark = Mark.RUNS if state is State.RUNNING else Mark.ALONE
        for number in range(_WEEK):
            midnight, next_midnight = (
                datetime.combine(monday + offset * _DAY, time(), tz) for offset in (number, number + 1)
            )
            if begin < next_midnight and midnight < end:
                yield number, Block(
                    _minutes(max(begin, midnight) - midnight), _minutes(min(end, next_midnight) - midnight), mark,
                    from_before=begin < midnight, goes_on=end > next_midnight,
                )  # fmt: skip


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)
