"""The timeline of one schedule: when it wants running, and the edges at which it acts.

Pure. Instants are aware UTC; dates are in the schedule's zone. The start day of an interval decides whether it takes
place (weekday, holiday), also across midnight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from infra.domain.calendar import Calendar, DayKind
from infra.domain.reasons import Reason, ReasonCode, because
from infra.domain.schedule import Action, Period, Schedule, State
from infra.domain.times import END_OF_DAY, MIDNIGHT, instant

_DAY = timedelta(days=1)
#: Two periods that leave no longer a gap than this count as one.
BRIDGE = timedelta(minutes=1)
_MOMENT = timedelta(microseconds=1)
#: How far beyond the last listed date a change is looked for. Plain weeks are all alike, but for the nights of a year in
#: which clocks change. Otherwise years of one kind are alike, and the rarest kind (a leap year that begins on a given
#: weekday) comes after 40 years at the latest.
WEEKLY_HORIZON, HORIZON = timedelta(days=400), timedelta(days=41 * 366)
_LAST = date(9998, 12, 31)


class Interval(NamedTuple):
    """One period on one date: [begin, end). `hard`: its end is the period's own, not the end of the date."""

    begin: datetime
    end: datetime
    period: int
    day: date
    hard: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """An action that the schedule asks for, or would ask for were it not `suppressed`."""

    at: datetime
    action: Action
    reason: Reason
    suppressed: Reason | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A schedule in a calendar."""

    schedule: Schedule
    calendar: Calendar

    def local_date(self, at: datetime) -> date:
        return at.astimezone(self.schedule.tz).date()

    def kind(self, day: date) -> DayKind:
        """The calendar's word on a date; a schedule that ignores the calendar sees plain weekdays."""
        return (
            self.calendar.day(day)
            if self.schedule.options.holidays
            else DayKind(day, None, day.weekday(), False)
        )

    def _ahead(self, first: date) -> Iterator[tuple[date, date]]:
        """Yield the ranges of dates (both ends in) in which something may come for the first time: from a date on, and
        from each listed date on. In between, what did not come before does not come."""
        observed = self.schedule.options.holidays
        rules = [one.days for one in self.schedule.periods if one.days.possible]
        plain = not (observed and self.calendar.ranges)
        reach = WEEKLY_HORIZON if plain and all(rule.weekly for rule in rules) else HORIZON
        begin, last = first, min(first, _LAST - reach) + reach
        for listed in self.calendar.listed_after(first) if observed else ():
            if listed - 2 * _DAY > last:
                yield begin, last
                begin = listed - 2 * _DAY
            last = min(listed, _LAST - reach) + reach
        yield begin, last

    # -- level ----------------------------------------------------------------------------------------------------

    def state_at(self, at: datetime) -> tuple[State, Reason]:
        """What the schedule wants at an instant, and why."""
        today = self.local_date(at)
        # The day after, too: clocks that go back over midnight show yesterday's date once more.
        intervals = [one for day in (today - _DAY, today, today + _DAY) for one in self._intervals(day)]
        running = [one for one in intervals if one.begin <= at < one.end] or _bridge(intervals, at)
        if running:
            return State.RUNNING, self._why_running(running[0])
        if (closed := self.kind(today).closed) is not None:
            return State.STOPPED, closed
        waiting = [
            one for one in self.schedule.periods if one.one_sided and not self._stopped_by(one, at, today)
        ]
        if waiting:
            return State.ANY, self._why_any(waiting[0], today)
        return State.STOPPED, self._why_stopped(at, today, intervals)

    def _stopped_by(self, period: Period, at: datetime, today: date) -> bool:
        """An end-only period wants stopped from its end to the end of a date it is for."""
        if period.end is None:
            return False
        tz = self.schedule.tz
        return any(
            instant(day, period.end, tz) <= at < instant(day + _DAY, MIDNIGHT, tz)
            and self._matches(period, day)
            for day in (today, today - _DAY, today + _DAY)
        )

    def _why_running(self, one: Interval) -> Reason:
        period = self.schedule.periods[one.period]
        if period.begin is None:
            return because(ReasonCode.ALL_DAY, day=one.day)
        if period.end is None:
            return because(ReasonCode.START_ONLY_FIRED, day=one.day, start=str(period.begin))
        return because(ReasonCode.WITHIN, day=one.day, start=str(period.begin), stop=str(period.end))

    def _why_any(self, period: Period, today: date) -> Reason:
        if not self._matches(period, today):
            return because(ReasonCode.WEEKEND, day=today, weekday=today.weekday())
        if period.end is None:
            return because(ReasonCode.START_ONLY_WAITING, day=today, start=str(period.begin))
        return because(ReasonCode.STOP_ONLY_WAITING, day=today, stop=str(period.end))

    def _why_stopped(self, at: datetime, today: date, intervals: list[Interval]) -> Reason:
        if not self.schedule.periods:
            return because(ReasonCode.NO_PERIOD)
        one_sided = next((one for one in self.schedule.periods if one.one_sided), None)
        if one_sided is not None:
            return because(ReasonCode.STOP_ONLY_FIRED, day=today, stop=str(one_sided.end))
        before = self.kind(today - _DAY).closed
        for period in self.schedule.periods:
            overnight = period.end is not None and period.begin is not None and period.end < period.begin
            if (
                overnight
                and before is not None
                and self._matches(period, today - _DAY)
                and at < instant(today, period.end or MIDNIGHT, self.schedule.tz)
            ):
                return before
        coming = [one for one in intervals if one.day == today and one.begin > at]
        if coming:
            first = min(coming, key=lambda one: one.begin)
            begin = self.schedule.periods[first.period].begin or MIDNIGHT
            return because(ReasonCode.BEFORE_START, day=today, start=str(begin))
        passed = [one for one in intervals if one.end <= at and one.day == today]
        if passed:
            last = max(passed, key=lambda one: one.end)
            return because(
                ReasonCode.AFTER_STOP, day=today, stop=str(self.schedule.periods[last.period].end or MIDNIGHT)
            )
        return because(ReasonCode.WEEKEND, day=today, weekday=today.weekday())

    def changes(self, after: datetime) -> Iterator[datetime]:
        """Yield every instant after another at which the wanted state may change, in order."""
        first = self.local_date(after) - _DAY
        one_sided = self.schedule.one_sided
        for day in (day for reach in self._ahead(first) for day in self._days(*reach)):
            kind = self.kind(day)
            found = [at for one in self._intervals(day, kind) for at in (one.begin, one.end)]
            if one_sided:
                found += self._turns_of_one_sided(day, kind)
            if found:
                yield from sorted(at for at in found if at > after)

    def next_turn(self, at: datetime, *, running: bool) -> tuple[datetime, State] | None:
        """When another state is wanted, for a schedule in which every period names both ends, or none.

        running: whether it runs at `at`. The same as going through `changes`, without asking at each of them.
        """
        for first, last in self._ahead(self.local_date(at) - _DAY):
            at = max(at, instant(first + _DAY, MIDNIGHT, self.schedule.tz))
            turn = self._turn_within(first, last, at, running)
            if turn is not None:
                return turn
        return None

    def _turn_within(
        self, first: date, until: date, at: datetime, running: bool
    ) -> tuple[datetime, State] | None:
        end, ending = at - _DAY, set[int]()
        holds = False  # whether the span at hand holds `at`
        for day in self._days(first, until):
            for begin, together in groupby(sorted(self._intervals(day), key=_begin_of), key=_begin_of):
                beginning = list(together)
                numbers = {one.period for one in beginning}
                follows = begin <= end or (
                    begin - end <= BRIDGE and any(one != two for one in ending for two in numbers)
                )
                if running and holds and not follows:
                    return end, State.STOPPED
                if not running and begin > at:
                    return begin, State.RUNNING
                last = max(one.end for one in beginning)
                if not follows or last > end:
                    end, ending = last, set()
                ending |= {one.period for one in beginning if one.end == end}
                holds = end > at or (running and at - end < BRIDGE)
        # Where looking ahead stops is no end.
        ends = running and holds and self.state_at(end)[0] is not State.RUNNING
        return (end, State.STOPPED) if ends else None

    def _days(self, first: date, last: date) -> Iterator[date]:
        """Yield the dates that a period names or the calendar speaks of; on all others nothing happens."""
        year, month = first.year, first.month
        rules = [one.days for one in self.schedule.periods]
        while (year, month) <= (last.year, last.month):
            days = frozenset[int]().union(*(rule.in_month(year, month) for rule in rules))
            for number in sorted(days | self.calendar.special(year, month)):
                if first <= (day := date(year, month, number)) <= last:
                    yield day
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)

    def _acting(self, first: date, last: date) -> Iterator[date]:
        """Yield the dates of which an edge may come."""
        if not any(one.stop_every_day for one in self.schedule.periods):
            return self._days(first, last)
        return (first + offset * _DAY for offset in range((last - first).days + 1))

    def _turns_of_one_sided(self, day: date, kind: DayKind) -> list[datetime]:
        """A closed day wants stopped from midnight to midnight, an end-only period from its end to midnight."""
        tz = self.schedule.tz
        found = []
        if kind.closed is not None:
            found = [instant(day, MIDNIGHT, tz), instant(day, END_OF_DAY, tz)]
        for one in self.schedule.one_sided:
            if one.end is not None and one.days.matches(day, kind.like):
                found += [instant(day, one.end, tz), instant(day, END_OF_DAY, tz)]
        return found

    # -- edges ----------------------------------------------------------------------------------------------------

    def edges(self, after: datetime, days: int | None = None) -> Iterator[Edge]:
        """Yield what the schedule asks for after an instant, in order, a few days at a time."""
        first, done = self.local_date(after) - _DAY, after
        for begin, last in self._ahead(first) if days is None else ((first, first + (days + 1) * _DAY),):
            day, size = begin, 4
            while day <= last:
                for edge in self._edges_of(day, size):
                    if edge.at > done:
                        yield edge
                day, size = day + size * _DAY, min(size * 2, 128)
            done = max(done, instant(day, MIDNIGHT, self.schedule.tz) - _MOMENT)

    def _edges_of(self, first: date, days: int) -> list[Edge]:
        """The edges from the first moment of a date up to the end of some dates.

        One date more is looked at on either side, so that what begins or ends there falsely lies outside.
        """
        tz = self.schedule.tz
        since, until = instant(first, MIDNIGHT, tz), instant(first + days * _DAY, MIDNIGHT, tz)
        dates = list(self._acting(first - _DAY, first + days * _DAY))
        found = [edge for day in dates for edge in self._lonely(day)]
        for span in _spans([one for day in dates for one in self._intervals(day)]):
            found.append(Edge(span[0].begin, Action.START, self._why_running(span[0])))
            found += self._closing(span)
        inside = sorted((edge for edge in found if since <= edge.at < until), key=lambda edge: edge.at)
        return [
            edge for _, same in groupby(inside, key=lambda edge: edge.at) for edge in _last_word(list(same))
        ]

    def _closing(self, span: list[Interval]) -> list[Edge]:
        """The stop at the end of what runs on without a break, where the schedule then wants stopped."""
        end = max(one.end for one in span)
        last = [one for one in span if one.end == end and one.hard and self._stops_at(end, one.period)]
        return [Edge(end, Action.STOP, self._after_stop(one.day, one.period)) for one in last[:1]]

    def _stops_at(self, end: datetime, number: int) -> bool:
        """Whether the end of a period brings a stop: nothing runs on then, and no one-sided period leaves it as it is.

        24:00 is still of the date that it ends, although what is wanted from then on is the next date's.
        """
        state, _ = self.state_at(end)
        if state is not State.ANY or self.schedule.periods[number].end not in (None, END_OF_DAY):
            return state is State.STOPPED
        day = self.local_date(end - _MOMENT)
        return all(
            self._stopped_by(one, end - _MOMENT, day)
            for one in self.schedule.one_sided
            if one.end != END_OF_DAY or not self._matches(one, day)
        )

    def _after_stop(self, day: date, period: int) -> Reason:
        end = self.schedule.periods[period].end
        return because(ReasonCode.AFTER_STOP, day=day, stop=str(end or "24:00"))

    def _lonely(self, day: date) -> Iterator[Edge]:
        """Edges that belong to no running interval: starts that a closed day suppresses, stops that are done anyway."""
        tz, kind = self.schedule.tz, self.kind(day)
        for number, period in enumerate(self.schedule.periods):
            if period.never:
                continue
            matches = self._matches(period, day)
            if matches and kind.closed is not None and period.runs_from is not None:
                at = instant(day, period.runs_from, tz)
                if self.state_at(at)[0] is not State.RUNNING:
                    yield Edge(at, Action.START, kind.closed, kind.closed)
            anyway = kind.closed is not None or period.begin is None
            if period.end is not None and ((matches and anyway) or (not matches and period.stop_every_day)):
                end = _end(period, day, tz)
                if self._stops_at(end, number):
                    yield Edge(end, Action.STOP, self._after_stop(day, number))

    def _matches(self, period: Period, day: date) -> bool:
        return period.days.matches(day, self.kind(day).like)

    def _intervals(self, day: date, kind: DayKind | None = None) -> list[Interval]:
        """What runs because of one date; nothing on a closed one."""
        kind = kind or self.kind(day)
        if kind.closed is not None:
            return []
        tz = self.schedule.tz
        found = []
        for number, period in enumerate(self.schedule.periods):
            if not period.days.matches(day, kind.like) or period.never or period.runs_from is None:
                continue
            begin = instant(day, period.runs_from, tz)
            end = _end(period, day, tz)
            if begin < end:
                found.append(
                    Interval(begin, end, number, day, period.end is not None or period.begin is None)
                )
        return found


def _end(period: Period, day: date, tz: ZoneInfo) -> datetime:
    """When a period on a date ends: its own end, the next day's if that is not later, or the end of the date."""
    if period.end is None:
        return instant(day + _DAY, MIDNIGHT, tz)
    overnight = period.begin is not None and period.end < period.begin
    return instant(day + _DAY if overnight else day, period.end, tz)


def _begin_of(one: Interval) -> datetime:
    return one.begin


def _spans(intervals: list[Interval]) -> list[list[Interval]]:
    """Group intervals into what runs on without a break."""
    spans: list[list[Interval]] = []
    for _, together in groupby(sorted(intervals, key=lambda one: one.begin), key=lambda one: one.begin):
        beginning = list(together)
        if not spans or not _goes_on(spans[-1], beginning):
            spans.append([])
        spans[-1] += beginning
    return spans


def _goes_on(span: list[Interval], beginning: list[Interval]) -> bool:
    """Whether intervals that begin together follow a span without a break."""
    end = max(one.end for one in span)
    if beginning[0].begin <= end:
        return True
    ending = {one.period for one in span if one.end == end}
    pairs = ((one, two.period) for one in ending for two in beginning)
    return beginning[0].begin - end <= BRIDGE and any(one != two for one, two in pairs)


def _bridge(intervals: list[Interval], at: datetime) -> list[Interval]:
    """The interval that goes on over a gap of a minute, because another period begins right after it."""
    before = [one for one in intervals if one.end <= at and at - one.end < BRIDGE]
    after = [one for one in intervals if one.begin > at and one.begin - at <= BRIDGE]
    return [
        one
        for one in before
        if any(two.period != one.period and two.begin - one.end <= BRIDGE for two in after)
    ]


def _last_word(together: list[Edge]) -> list[Edge]:
    """At one instant a suppressed start is kept for the record; of the others the last holds, each action once."""
    acting = [edge for edge in together if edge.suppressed is None]
    return [*[edge for edge in together if edge.suppressed is not None][:1], *acting[-1:]]
