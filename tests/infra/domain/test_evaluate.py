"""At any instant a schedule says what it wants, why, and what comes next."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from infra.domain.calendar import Calendar, ClosedRange
from infra.domain.duty import Change, StateChange
from infra.domain.findings import Finding, FindingCode
from infra.domain.reasons import ReasonCode
from infra.domain.schedule import Schedule, State, Unreadable
from tests.infra.domain.builders import JAPAN, evaluate, local, plan

OFFICE = plan("08:30", "19:00")
NIGHT = plan("22:00", "06:00")
START_ONLY = plan("08:30")
STOP_ONLY = plan(stop="19:00")


WORDS = {State.RUNNING: "start", State.STOPPED: "stop", State.ANY: "any"}


def brief(change: Change | StateChange | None, zone: str = "Asia/Tokyo") -> str:
    if change is None:
        return "none"
    what = WORDS[change.state] if isinstance(change, StateChange) else change.action
    return f"{change.at.astimezone(plan('00:00', zone=zone).tz):%m-%d %H:%M} {what}"


# 2026-11-20 Friday; 21, 22 weekend; 23 Monday 勤労感謝の日; 24 Tuesday.
@pytest.mark.parametrize(
    ("schedule", "at", "state", "code", "change", "action"),
    [
        (OFFICE, "2026-11-20 08:29:59", "stopped", "before_start", "11-20 08:30 start", "11-20 08:30 start"),
        (OFFICE, "2026-11-20 08:30", "running", "within", "11-20 19:00 stop", "11-20 19:00 stop"),
        (OFFICE, "2026-11-20 18:59:59.999999", "running", "within", "11-20 19:00 stop", "11-20 19:00 stop"),
        (OFFICE, "2026-11-20 19:00", "stopped", "after_stop", "11-24 08:30 start", "11-21 19:00 stop"),
        (OFFICE, "2026-11-21 10:00", "stopped", "weekend", "11-24 08:30 start", "11-21 19:00 stop"),
        (OFFICE, "2026-11-23 10:00", "stopped", "holiday", "11-24 08:30 start", "11-23 19:00 stop"),
        (OFFICE, "2026-11-23 23:59", "stopped", "holiday", "11-24 08:30 start", "11-24 08:30 start"),
        (OFFICE, "2026-11-24 00:00", "stopped", "before_start", "11-24 08:30 start", "11-24 08:30 start"),
        (NIGHT, "2026-11-20 21:59", "stopped", "before_start", "11-20 22:00 start", "11-20 22:00 start"),
        (NIGHT, "2026-11-20 22:00", "running", "within", "11-21 06:00 stop", "11-21 06:00 stop"),
        (NIGHT, "2026-11-21 05:59", "running", "within", "11-21 06:00 stop", "11-21 06:00 stop"),
        (NIGHT, "2026-11-21 06:00", "stopped", "weekend", "11-24 22:00 start", "11-22 06:00 stop"),
        (NIGHT, "2026-11-23 23:00", "stopped", "holiday", "11-24 22:00 start", "11-24 06:00 stop"),
        (NIGHT, "2026-11-24 03:00", "stopped", "holiday", "11-24 22:00 start", "11-24 06:00 stop"),
        (NIGHT, "2026-11-24 06:00", "stopped", "before_start", "11-24 22:00 start", "11-24 22:00 start"),
        (START_ONLY, "2026-11-20 08:29", "any", "start_only_waiting", "11-20 08:30 start", "11-20 08:30 start"),
        (START_ONLY, "2026-11-20 08:30", "running", "start_only_fired", "11-21 00:00 any", "11-24 08:30 start"),
        (START_ONLY, "2026-11-21 08:30", "any", "weekend", "11-23 00:00 stop", "11-24 08:30 start"),
        (START_ONLY, "2026-11-23 08:30", "stopped", "holiday", "11-24 00:00 any", "11-24 08:30 start"),
        (STOP_ONLY, "2026-11-22 18:59", "any", "stop_only_waiting", "11-22 19:00 stop", "11-22 19:00 stop"),
        (STOP_ONLY, "2026-11-22 19:00", "stopped", "stop_only_fired", "11-24 00:00 any", "11-23 19:00 stop"),
        (STOP_ONLY, "2026-11-23 18:59", "stopped", "holiday", "11-24 00:00 any", "11-23 19:00 stop"),
        (STOP_ONLY, "2026-11-24 23:59:59", "stopped", "stop_only_fired", "11-25 00:00 any", "11-25 19:00 stop"),
        (STOP_ONLY, "2026-11-24 00:00", "any", "stop_only_waiting", "11-24 19:00 stop", "11-24 19:00 stop"),
        (plan("23:58", "00:02"), "2026-11-20 23:59", "running", "within", "11-21 00:02 stop", "11-21 00:02 stop"),
        (plan("00:02", "23:58"), "2026-11-20 00:01", "stopped", "before_start", "11-20 00:02 start", "11-20 00:02 start"),
        (plan("00:00", "23:59"), "2026-11-20 00:00", "running", "within", "11-20 23:59 stop", "11-20 23:59 stop"),
        (plan("09:00", "00:00"), "2026-11-20 23:59", "running", "within", "11-21 00:00 stop", "11-21 00:00 stop"),
        (plan("09:00", "00:00"), "2026-11-21 00:00", "stopped", "weekend", "11-24 09:00 start", "11-22 00:00 stop"),
    ],
)  # fmt: skip
def test_state_reason_and_what_comes_next(
    schedule: Schedule, at: str, state: str, code: str, change: str, action: str
) -> None:
    verdict = evaluate(schedule, local(at), JAPAN)
    assert (verdict.state, verdict.reason.code) == (state, code)
    assert (brief(verdict.next_change), brief(verdict.next_action)) == (change, action)


def test_a_reason_tells_the_day_that_decides_and_the_name_of_the_holiday() -> None:
    reason = evaluate(NIGHT, local("2026-11-24 03:00"), JAPAN).reason
    assert reason.values() == {"day": date(2026, 11, 23), "name": "勤労感謝の日"}
    reason = evaluate(NIGHT, local("2026-11-21 03:00"), JAPAN).reason
    assert reason.values() == {"day": date(2026, 11, 20), "start": "22:00", "stop": "06:00"}


def test_without_a_readable_schedule_nothing_is_wanted_and_nothing_comes() -> None:
    at = local("2026-11-20 10:00")
    unreadable = Unreadable((Finding(FindingCode.EMPTY, "AutoStart", ""),))
    for reading, code in ((None, ReasonCode.NOT_SCHEDULED), (unreadable, ReasonCode.UNREADABLE)):
        verdict = evaluate(reading, at, JAPAN)
        assert (verdict.state, verdict.reason.code) == (State.ANY, code)
        assert (verdict.next_change, verdict.next_action) == (None, None)


def test_after_a_closure_of_years_the_next_change_is_found() -> None:
    closed = Calendar({date(2026, 1, 1) + timedelta(days=n): "休業" for n in range(900)})
    verdict = evaluate(OFFICE, local("2026-02-02 10:00"), closed)
    assert verdict.state is State.STOPPED
    assert verdict.next_change == StateChange(local("2028-06-19 08:30"), State.RUNNING)
    assert brief(verdict.next_action) == "02-02 19:00 stop"


def test_a_closure_without_end_has_a_next_action_but_no_next_change() -> None:
    closed = Calendar(ranges=(ClosedRange("01-01", "12-31", "休業"),))
    verdict = evaluate(OFFICE, local("2026-02-02 10:00"), closed)
    assert (verdict.state, verdict.next_change) == (State.STOPPED, None)
    assert brief(verdict.next_action) == "02-02 19:00 stop"


def test_the_one_day_in_four_years_that_a_yearly_closure_leaves_open_is_found() -> None:
    closed = Calendar(ranges=(ClosedRange("03-01", "02-28", "休業"),))
    every_day = plan("08:30", "19:00", weekdays=frozenset(range(7)))
    verdict = evaluate(every_day, local("2026-11-20 10:00"), closed)
    assert verdict.next_change == StateChange(local("2028-02-29 08:30"), State.RUNNING)


def test_a_schedule_for_no_weekday_only_stops() -> None:
    verdict = evaluate(plan("08:30", "19:00", weekdays=frozenset()), local("2026-11-20 10:00"), JAPAN)
    assert (verdict.state, verdict.next_change) == (State.STOPPED, None)
    assert brief(verdict.next_action) == "11-20 19:00 stop"


def test_the_zone_decides_the_date() -> None:
    # 23:30 UTC on Sunday is 08:30 on Monday in Tokyo.
    at = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
    assert evaluate(plan("08:30", "19:00"), at, JAPAN).state is State.RUNNING
    assert evaluate(plan("08:30", "19:00", zone="UTC"), at, JAPAN).state is State.STOPPED


def test_an_instant_in_any_zone_gives_the_same_answer() -> None:
    at = local("2026-11-30 08:30")
    assert evaluate(OFFICE, at.astimezone(OFFICE.tz), JAPAN) == evaluate(OFFICE, at, JAPAN)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        evaluate(OFFICE, datetime(2026, 11, 30, 8, 30), JAPAN)  # noqa: DTZ001
