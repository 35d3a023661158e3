"""The engine agrees with a second one that knows no rules about instants: it watches a wall clock go by.

The oracle goes through some days minute by minute, looks at the local clock, and acts when the clock reaches
or jumps over a time for the first time. It shares no code with the engine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from infra.domain.calendar import Calendar
from infra.domain.schedule import Change, TagSchedule, evaluate, next_occurrence, occurrences
from infra.domain.times import ClockTime

DAYS = 14
MINUTES = DAYS * 24 * 60
MINUTE = timedelta(minutes=1)
# Clock changes in New York: 2026-03-08 and 2026-11-01.
BEGINS = [
    datetime(2026, 3, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 12, tzinfo=UTC),
    datetime(2027, 1, 1, 6, 7, tzinfo=UTC),
]
ZONES = ["Asia/Tokyo", "UTC", "America/New_York"]


@dataclass(frozen=True)
class Case:
    begin: datetime
    zone: str
    start: int | None  # minutes after midnight
    stop: int | None
    weekdays: frozenset[int]
    holidays: Mapping[date, str]

    def schedule(self) -> TagSchedule:
        start, stop = (None if m is None else ClockTime(*divmod(m, 60)) for m in (self.start, self.stop))
        return TagSchedule(start, stop, self.weekdays, self.zone)


@cache
def wall_clock(begin: datetime, zone: str) -> list[tuple[int, int, date]]:
    """Every time a wall clock reaches or jumps over, once: in which minute, minutes after midnight, date."""
    tz = ZoneInfo(zone)
    ticks: list[tuple[int, int, date]] = []
    before = -2 * 24 * 60
    reached = (begin + (before - 1) * MINUTE).astimezone(tz).replace(tzinfo=None)
    for minute in range(before, MINUTES):
        wall = (begin + minute * MINUTE).astimezone(tz).replace(tzinfo=None)
        while reached < wall:
            reached += MINUTE
            ticks.append((minute, reached.hour * 60 + reached.minute, reached.date()))
    return ticks


def watch(case: Case) -> tuple[list[str], list[tuple[int, str]]]:
    """Give the wanted state of each minute, and the actions: minute and `start`, `stop` or a holiday's name."""
    rest = "any" if None in (case.start, case.stop) else "stopped"
    after_start = "running" if rest == "stopped" else "any"
    states, skipped = [rest] * MINUTES, []
    done: dict[int, str] = {}
    marks = {0, case.start, case.stop}
    for minute, clock, day in wall_clock(case.begin, case.zone):
        if clock not in marks:
            continue
        state = None
        if clock == 0 and case.start is None:
            state = "any"
        if clock == case.stop:
            state, done[minute] = "stopped", "stop"
        if clock == case.start and day.weekday() in case.weekdays:
            if day in case.holidays:
                skipped.append((minute, case.holidays[day]))
            else:
                state, done[minute] = after_start, "start"
        if state is not None:
            first = max(minute, 0)
            states[first:] = [state] * (MINUTES - first)
    actions = [*done.items(), *skipped]
    return states, [(minute, what) for minute, what in actions if minute >= 0]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    begin, zone = draw(st.sampled_from(BEGINS)), draw(st.sampled_from(ZONES))
    small_hours = st.integers(55, 185)  # where clocks change
    anywhere = st.integers(0, 24 * 60 - 1) | small_hours | st.sampled_from([0, 1, 1438, 1439])
    times = draw(st.sampled_from([anywhere, st.none() | anywhere, small_hours]))
    start, stop = draw(st.tuples(times, times).filter(lambda pair: pair[0] != pair[1]))
    offsets = draw(st.sets(st.integers(-3, DAYS + 2), max_size=6))
    holidays = {begin.date() + timedelta(days=n): f"holiday {n:+}" for n in offsets}
    weekdays = draw(st.frozensets(st.integers(0, 6), min_size=1) | st.just(frozenset(range(5))))
    return Case(begin, zone, start, stop, weekdays, holidays)


# Start and stop both in the hour that New York skips: nothing is left of the window, or of the pause.
SKIPPED = [
    Case(BEGINS[0], "America/New_York", *pair, frozenset(range(7)), {}) for pair in ((135, 165), (165, 135))
]


@settings(max_examples=2000, deadline=None)
@example(SKIPPED[0], [])
@example(SKIPPED[1], [])
@given(cases(), st.lists(st.integers(0, MINUTES * 60 - 1), max_size=12))
def test_states_and_occurrences_are_those_of_the_wall_clock(case: Case, seconds: list[int]) -> None:
    schedule, calendar = case.schedule(), Calendar(case.holidays)
    states, actions = watch(case)
    end = case.begin + MINUTES * MINUTE

    found = occurrences(schedule, calendar, case.begin - MINUTE / 2, end - MINUTE / 2)
    told = [(o.at, o.suppressed.values()["name"] if o.suppressed else o.action.value) for o in found]
    assert sorted(told) == sorted((case.begin + minute * MINUTE, what) for minute, what in actions)
    assert [o.at for o in found] == sorted(o.at for o in found)

    around = [minute * 60 + shift for minute, _ in actions[::3] for shift in (-1, 0)]
    for second in [s for s in around if 0 <= s < MINUTES * 60] + seconds:
        at = case.begin + timedelta(seconds=second)
        verdict = evaluate(schedule, at, calendar)
        assert verdict.state == states[second // 60], at
        coming = found[bisect_right(found, at, key=lambda o: o.at) :]
        if coming:
            assert next_occurrence(schedule, calendar, at) == coming[0]
        acting = [Change(o.at, o.action) for o in coming[:DAYS] if not o.suppressed]
        if acting:
            assert verdict.next_action == acting[0]
        if case.start is None or case.stop is None:
            changes = acting
        else:
            wanted = "stop" if verdict.state == "running" else "start"
            changes = [change for change in acting if change.action == wanted]
        if changes:
            assert verdict.next_change == changes[0]
