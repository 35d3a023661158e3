"""Overrides, skips and freezes stand above a schedule: what is done when they begin, while they hold, and when they end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infra.domain.calendar import Calendar
from infra.domain.duty import Duty, Occurrence, Rank, Window, next_change, objection, occurrences, wanted
from infra.domain.reasons import ReasonCode, because
from infra.domain.schedule import Action, Schedule, State
from tests.infra.domain.builders import JAPAN, local, plan, short

OFFICE, EVENING = plan("08:30", "19:00"), plan(stop="19:00")
RUNNING, STOPPED, ALONE = State.RUNNING, State.STOPPED, State.ANY


def window(since: str, until: str, wish: State, *, rank: int = Rank.RESOURCE, resumes: bool = True) -> Window:
    begin, end = local(f"2026-{since}"), local(f"2026-{until}")
    reason = because(ReasonCode.OVERRIDE_ALONE, until=end, person="x")
    return Window(begin, end, wish, rank, reason, f"{since}-{wish}", resumes)


def listed(schedule: Schedule | None, after: str, until: str, *windows: Window) -> list[str]:
    """What falls due, with "*" where a window asks for it and its reason where it is suppressed."""
    found = occurrences(Duty(schedule, JAPAN, windows), local(f"2026-{after}"), local(f"2026-{until}"))
    return [short(one) + ("*" if one.window and one.suppressed is None else "") for one in found]


# 2026-11-27 is a Friday, 30 a Monday.
@pytest.mark.parametrize(
    ("case", "schedule", "windows", "expected"),
    [
        ("keep running what the schedule wants running, too", OFFICE,
         [window("11-30 10:00", "11-30 12:00", RUNNING)],
         ["11-30 08:30 start", "11-30 10:00 start*", "11-30 19:00 stop"]),
        ("keep stopped what the schedule wants stopped, too", OFFICE,
         [window("11-30 20:00", "11-30 22:00", STOPPED)],
         ["11-30 08:30 start", "11-30 19:00 stop", "11-30 20:00 stop*"]),
        ("keep running over the stop", OFFICE,
         [window("11-30 18:00", "11-30 22:00", RUNNING)],
         ["11-30 08:30 start", "11-30 18:00 start*", "11-30 19:00 stop (override_alone)", "11-30 22:00 stop"]),
        ("keep stopped over the start", OFFICE,
         [window("11-30 08:00", "11-30 09:00", STOPPED)],
         ["11-30 08:00 stop*", "11-30 08:30 start (override_alone)", "11-30 09:00 start", "11-30 19:00 stop"]),
        ("keep running out of hours is undone at its end", OFFICE,
         [window("11-30 20:00", "11-30 22:00", RUNNING)],
         ["11-30 08:30 start", "11-30 19:00 stop", "11-30 20:00 start*", "11-30 22:00 stop"]),
        ("a freeze without a start or stop in it changes nothing", OFFICE,
         [window("11-30 10:00", "11-30 12:00", ALONE)],
         ["11-30 08:30 start", "11-30 19:00 stop"]),
        ("what fell into a freeze is done at its end", OFFICE,
         [window("11-30 18:00", "11-30 20:00", ALONE)],
         ["11-30 08:30 start", "11-30 19:00 stop (override_alone)", "11-30 20:00 stop"]),
        ("a freeze over start and stop leaves the stop", OFFICE,
         [window("11-30 08:00", "11-30 20:00", ALONE)],
         ["11-30 08:30 start (override_alone)", "11-30 19:00 stop (override_alone)", "11-30 20:00 stop"]),
        ("a freeze that ends just when the schedule speaks", OFFICE,
         [window("11-30 08:00", "11-30 19:00", ALONE)],
         ["11-30 08:30 start (override_alone)", "11-30 19:00 stop"]),
        ("a skip leaves out what falls into it", OFFICE,
         [window("11-30 08:30", "11-30 12:00", ALONE, resumes=False)],
         ["11-30 08:30 start (override_alone)", "11-30 19:00 stop"]),
        ("keep running over a stop-only time", EVENING,
         [window("11-30 18:00", "11-30 22:00", RUNNING)],
         ["11-30 18:00 start*", "11-30 19:00 stop (override_alone)", "11-30 22:00 stop"]),
        ("keep stopped is not undone where the schedule starts nothing", EVENING,
         [window("11-30 10:00", "11-30 12:00", STOPPED)],
         ["11-30 10:00 stop*", "11-30 19:00 stop"]),
        ("keep running is not undone where the schedule leaves it as it is", EVENING,
         [window("11-30 10:00", "11-30 12:00", RUNNING)],
         ["11-30 10:00 start*", "11-30 19:00 stop"]),
        ("without a schedule nothing is undone", None,
         [window("11-30 10:00", "11-30 12:00", RUNNING)], ["11-30 10:00 start*"]),
        ("one resource goes before all, and falls back to it", OFFICE,
         [window("11-30 10:00", "11-30 21:00", ALONE, rank=Rank.MAINTENANCE), window("11-30 11:00", "11-30 20:00", RUNNING)],
         ["11-30 08:30 start", "11-30 11:00 start*", "11-30 19:00 stop (override_alone)", "11-30 21:00 stop"]),
        ("what falls back to the same wish asks for nothing again", OFFICE,
         [window("11-30 10:00", "11-30 18:00", RUNNING, rank=Rank.PROJECT), window("11-30 11:00", "11-30 12:00", RUNNING)],
         ["11-30 08:30 start", "11-30 10:00 start*", "11-30 11:00 start*", "11-30 19:00 stop"]),
        ("what falls back to another wish is brought about", OFFICE,
         [window("11-30 10:00", "11-30 18:00", STOPPED, rank=Rank.PROJECT), window("11-30 11:00", "11-30 12:00", RUNNING)],
         ["11-30 08:30 start", "11-30 10:00 stop*", "11-30 11:00 start*", "11-30 12:00 stop*", "11-30 18:00 start", "11-30 19:00 stop"]),
        ("two one after the other, without a gap", OFFICE,
         [window("11-30 18:00", "11-30 20:00", ALONE), window("11-30 20:00", "11-30 22:00", ALONE)],
         ["11-30 08:30 start", "11-30 19:00 stop (override_alone)", "11-30 22:00 stop"]),
        ("a skip, then a freeze: only what the freeze held is done", OFFICE,
         [window("11-30 08:30", "11-30 10:00", ALONE, resumes=False), window("11-30 10:00", "11-30 12:00", ALONE)],
         ["11-30 08:30 start (override_alone)", "11-30 19:00 stop"]),
        ("a window that was ended before it began", OFFICE,
         [window("11-30 12:00", "11-30 10:00", RUNNING)],
         ["11-30 08:30 start", "11-30 19:00 stop"]),
    ],
)  # fmt: skip
def test_what_is_done_around_windows(
    case: str, schedule: Schedule | None, windows: list[Window], expected: list[str]
) -> None:
    assert listed(schedule, "11-30 06:00", "11-30 23:59", *windows) == expected, case


def test_keeping_running_over_a_stop_and_midnight_does_not_lose_the_stop() -> None:
    kept = window("11-30 18:00", "12-01 02:00", RUNNING)
    assert listed(EVENING, "11-30 18:30", "12-01 12:00", kept) == [
        "11-30 19:00 stop (override_alone)",
        "12-01 02:00 stop",
    ]


def test_an_override_that_begins_on_a_holiday_start_is_done_and_the_start_is_recorded_as_skipped() -> None:
    kept = window("11-23 08:30", "11-23 12:00", RUNNING)
    assert listed(plan("08:30"), "11-23 08:00", "11-23 11:00", kept) == [
        "11-23 08:30 start (holiday)",
        "11-23 08:30 start*",
    ]


@pytest.mark.parametrize(
    ("schedule", "action", "due", "now", "windows", "instead"),
    [
        (OFFICE, Action.START, "11-30 08:30", "11-30 08:40", [], None),
        (OFFICE, Action.START, "11-30 08:30", "11-30 19:00", [], STOPPED),
        (OFFICE, Action.STOP, "11-30 19:00", "11-30 19:05", [], None),
        (OFFICE, Action.STOP, "11-30 19:00", "11-30 19:05", [window("11-30 19:01", "11-30 22:00", ALONE)], ALONE),
        (OFFICE, Action.STOP, "11-30 19:00", "11-30 19:05", [window("11-30 19:01", "11-30 22:00", RUNNING)], RUNNING),
        (OFFICE, Action.STOP, "11-30 19:00", "11-30 19:05", [window("11-30 19:01", "11-30 22:00", STOPPED)], None),
        (plan(stop="23:59"), Action.STOP, "11-30 23:59", "12-01 00:10", [], None),
        (plan(stop="24:00"), Action.STOP, "12-01 00:00", "12-01 00:10", [], None),
        (plan("08:30"), Action.START, "11-30 23:59", "12-01 00:10", [], ALONE),
        (plan(stop="20:00"), Action.STOP, "11-30 19:00", "11-30 19:05", [], ALONE),
        (None, Action.START, "11-30 10:00", "11-30 12:05", [window("11-30 10:00", "11-30 12:00", RUNNING)], ALONE),
        (None, Action.START, "11-30 10:00", "11-30 11:00", [window("11-30 10:00", "11-30 12:00", RUNNING)], None),
    ],
)  # fmt: skip
def test_what_is_wanted_now_decides_whether_a_late_action_is_still_done(
    schedule: Schedule | None,
    action: Action,
    due: str,
    now: str,
    windows: list[Window],
    instead: State | None,
) -> None:
    found = objection(
        Duty(schedule, Calendar(), tuple(windows)), action, local(f"2026-{due}"), local(f"2026-{now}")
    )
    assert (found and found[0]) == instead


def test_at_the_end_of_windows_the_schedule_speaks_in_its_own_name() -> None:
    kept = window("11-30 18:00", "11-30 22:00", RUNNING)
    found = occurrences(Duty(OFFICE, JAPAN, (kept,)), local("2026-11-30 19:30"), local("2026-11-30 23:00"))
    [stop] = found
    assert (stop.window, stop.cause and stop.cause.code) == ("", ReasonCode.AFTER_STOP)


def test_a_window_that_is_over_costs_nothing_and_changes_nothing() -> None:
    past = window("11-20 10:00", "11-20 12:00", RUNNING)
    at = local("2026-11-30 10:00")
    plain, marked = Duty(OFFICE, JAPAN), Duty(OFFICE, JAPAN, (past,))
    assert (wanted(marked, at), next_change(marked, at)) == (wanted(plain, at), next_change(plain, at))


def test_everything_that_falls_due_is_in_order_and_once() -> None:
    windows = (
        window("11-30 08:30", "11-30 19:00", ALONE, rank=Rank.MAINTENANCE),
        window("11-30 19:00", "12-01 08:30", RUNNING),
        window("12-01 08:30", "12-01 10:00", STOPPED, rank=Rank.PROJECT),
    )
    begin = local("2026-11-30 00:00")
    found: list[Occurrence] = occurrences(Duty(OFFICE, JAPAN, windows), begin, begin + timedelta(days=3))
    assert [one.at for one in found] == sorted(one.at for one in found)
    acting = [(one.at, one.action) for one in found if one.suppressed is None]
    assert len(acting) == len(set(acting))
