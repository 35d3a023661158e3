"""The engine agrees, minute by minute, with a second one that was written without knowing it.

`TOBAN_EXAMPLES=100000` runs more cases than the everyday suite does.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from infra.domain.calendar import Calendar
from infra.domain.days import DayRule
from infra.domain.duty import Duty, Window, evaluate, next_change, occurrences, wanted
from infra.domain.reasons import ReasonCode, because
from infra.domain.schedule import Action, Period, Schedule, State
from infra.domain.times import ClockTime
from tests.infra.domain.oracle import MINUTE, Case, Hours, acts, states

EXAMPLES = int(os.environ.get("TOBAN_EXAMPLES", "400"))
DAYS = 3
MINUTES = DAYS * 24 * 60
#: Clocks change in New York on 2026-03-08 and 2026-11-01, in London on 2026-03-29, in Lord Howe by half an hour on
#: 2026-04-05; the others are the ends of months and years, short and long.
BEGINS = [
    datetime(2026, 3, 7, tzinfo=UTC),
    datetime(2026, 3, 28, 3, tzinfo=UTC),
    datetime(2026, 4, 4, 12, tzinfo=UTC),
    datetime(2026, 10, 31, 12, tzinfo=UTC),
    datetime(2026, 12, 30, 6, 7, tzinfo=UTC),
    datetime(2028, 2, 28, 1, tzinfo=UTC),
    datetime(2026, 8, 1, 20, tzinfo=UTC),
]
ZONES = ["Asia/Tokyo", "UTC", "America/New_York", "Europe/London", "Australia/Lord_Howe"]
WORD = {Action.START: "running", Action.STOP: "stopped"}
REASON = because(ReasonCode.FREEZE, until=datetime(2026, 1, 1, tzinfo=UTC), person="")


def clock(minutes: int | None) -> ClockTime | None:
    return None if minutes is None else ClockTime(*divmod(minutes, 60))


def duty_of(case: Case) -> Duty:
    periods = tuple(
        Period(
            clock(one.begin),
            clock(one.end),
            DayRule(one.weekdays, one.nth, one.last, one.monthdays, one.last_day, one.nearest, one.months),
            stop_every_day=one.stops_daily,
        )
        for one in case.periods
    )
    windows = tuple(
        Window(
            case.begin + since * MINUTE,
            case.begin + until * MINUTE,
            State(wish),
            rank,
            REASON,
            str(number),
            resumes,
        )
        for number, (since, until, wish, rank, resumes) in enumerate(case.windows)
    )
    return Duty(Schedule(case.zone, periods), Calendar(dict.fromkeys(case.holidays, "休")), windows)


@st.composite
def hours(draw: st.DrawFn) -> Hours:
    small = st.integers(0, 190) | st.sampled_from([0, 1, 2, 1438, 1439])
    anywhere = st.integers(0, 1439) | small
    begin = draw(st.none() | anywhere | anywhere)
    end = draw(st.none() | anywhere | anywhere | st.just(1440))
    weekdays, nth, last = None, frozenset[tuple[int, int]](), frozenset[int]()
    monthdays, last_day, nearest = None, False, frozenset[int]()
    if draw(st.booleans()):
        weekdays = draw(st.frozensets(st.integers(0, 6), max_size=5))
        nth = draw(st.frozensets(st.tuples(st.integers(0, 6), st.integers(1, 5)), max_size=2))
        last = draw(st.frozensets(st.integers(0, 6), max_size=2))
    if draw(st.integers(0, 3)) == 0:
        monthdays = draw(st.frozensets(st.integers(1, 31), max_size=20))
        last_day = draw(st.booleans())
        nearest = draw(st.frozensets(st.sampled_from([1, 2, 15, 28, 29, 30, 31]), max_size=2))
    months = draw(st.none() | st.none() | st.frozensets(st.integers(1, 12), min_size=1))
    daily = begin is not None and end is not None and draw(st.integers(0, 3)) == 0
    return Hours(begin, end, weekdays, nth, last, monthdays, last_day, nearest, months, daily)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    begin, zone = draw(st.sampled_from(BEGINS)), draw(st.sampled_from(ZONES))
    periods = draw(st.lists(hours(), max_size=3))
    offsets = draw(st.sets(st.integers(-2, DAYS + 1), max_size=2))
    holidays = frozenset(begin.date() + timedelta(days=number) for number in offsets)
    windows = []
    for rank in range(draw(st.sampled_from([0, 0, 1, 2]))):
        since = draw(st.integers(0, MINUTES - 2))
        until = draw(st.integers(since + 1, MINUTES - 1))
        wish = draw(st.sampled_from(["running", "stopped", "any"]))
        windows.append((since, until, wish, rank, wish != "any" or draw(st.booleans())))
    return Case(begin, MINUTES, zone, tuple(periods), holidays, tuple(windows))


#: Start and stop both in the hour that New York skips: nothing is left of the window, or of the pause.
SKIPPED = [Case(BEGINS[0], MINUTES, "America/New_York", (Hours(*pair),)) for pair in ((135, 165), (165, 135))]
#: 22:00-23:59 and 00:00-06:00 count as one.
ADJACENT = Case(BEGINS[0], MINUTES, "Asia/Tokyo", (Hours(1320, 1439), Hours(0, 360)))
#: The last minute that is watched is the gap itself.
ADJACENT_LAST = Case(BEGINS[0], MINUTES, "UTC", (Hours(0, 1), Hours(0, 1439, monthdays=frozenset({1, 9}))))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@example(SKIPPED[0], [0, 100])
@example(SKIPPED[1], [0, 100])
@example(ADJACENT, [899, 900, 1439])
@given(cases(), st.lists(st.integers(0, MINUTES - 1), min_size=4, max_size=12))
def test_at_every_minute_the_engine_wants_what_the_wall_clock_says(case: Case, minutes: list[int]) -> None:
    duty, seen = duty_of(case), states(case)
    turns = [minute for minute in range(1, MINUTES) if seen[minute] != seen[minute - 1]]
    around = {minute + shift for minute in turns[:12] for shift in (-1, 0)}
    for minute in sorted(around | set(minutes)):
        at = case.begin + minute * MINUTE
        assert wanted(duty, at)[0] == seen[minute], at
        assert wanted(duty, at + MINUTE / 2)[0] == seen[minute], at
    for minute in minutes:
        change = next_change(duty, case.begin + minute * MINUTE)
        coming = next((turn for turn in turns if turn > minute), None)
        if coming is not None:
            assert change is not None
            assert (change.at, change.state) == (case.begin + coming * MINUTE, seen[coming])
        elif change is not None:
            assert change.at >= case.begin + MINUTES * MINUTE


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@example(SKIPPED[0])
@example(SKIPPED[1])
@example(ADJACENT)
@example(ADJACENT_LAST)
@given(cases())
def test_what_falls_due_is_what_somebody_with_a_wall_clock_would_do(case: Case) -> None:
    duty = duty_of(case)
    found = occurrences(duty, case.begin, case.begin + (MINUTES - 1) * MINUTE)
    assert [one.at for one in found] == sorted(one.at for one in found)
    acting = [((one.at - case.begin) // MINUTE, WORD[one.action]) for one in found if one.suppressed is None]
    assert len(acting) == len(set(acting))
    assert set(acting) == acts(case)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(cases())
def test_a_machine_that_does_what_falls_due_is_always_where_the_engine_wants_it(case: Case) -> None:
    """Where every period names both ends, and nothing is left out by a skip."""
    assume(all(resumes for *_, resumes in case.windows))
    duty, seen = duty_of(case), states(case)
    assert isinstance(duty.schedule, Schedule)
    assume(not duty.schedule.one_sided and duty.schedule.directions == frozenset(Action))
    machine = wanted(duty, case.begin)[0]
    if machine is State.ANY:
        machine = wanted(replace(duty, windows=()), case.begin)[0]
    found = occurrences(duty, case.begin, case.begin + (MINUTES - 1) * MINUTE)
    done = {(one.at - case.begin) // MINUTE: one.action for one in found if one.suppressed is None}
    for minute in range(MINUTES):
        if minute in done:
            machine = State(WORD[done[minute]])
            assert seen[minute] in (machine, State.ANY), f"wrong way at {minute}"
        assert seen[minute] in (machine, State.ANY), minute


def test_next_action_and_next_change_of_a_plain_week_agree() -> None:
    case = Case(BEGINS[0], MINUTES, "Asia/Tokyo", (Hours(510, 1140, frozenset(range(5))),))
    verdict = evaluate(duty_of(case), case.begin)
    assert verdict.next_change is not None
    assert verdict.next_action is not None
    assert verdict.next_change.at == verdict.next_action.at
    assert verdict.next_change.at.date() == date(2026, 3, 8)
