"""A tick does the last thing that still makes sense, and records every other one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from infra.domain.duty import MISSED_KEPT, Occurrence
from infra.domain.schedule import Schedule
from tests.infra.domain.builders import JAPAN, local, occurrences, pending, plan, short

OFFICE = plan("08:30", "19:00")


def shorts(found: tuple[Occurrence, ...]) -> list[str]:
    return [short(o) for o in found]


# 2026-11-20 Friday, 23 Monday is a holiday, 24 Tuesday.
@pytest.mark.parametrize(
    ("case", "since", "now", "due", "missed", "skipped", "following"),
    [
        ("nothing yet", "11-24 08:00", "11-24 08:29:59", "none", [], [], "11-24 08:30 start"),
        ("on time", "11-24 08:29", "11-24 08:30", "11-24 08:30 start", [], [], "11-24 19:00 stop"),
        ("settled already", "11-24 08:30", "11-24 08:31", "none", [], [], "11-24 19:00 stop"),
        ("20 minutes late", "11-24 08:29", "11-24 08:50", "11-24 08:30 start", [], [], "11-24 19:00 stop"),
        ("exactly at grace", "11-24 08:29", "11-24 09:30", "11-24 08:30 start", [], [], "11-24 19:00 stop"),
        ("just after grace", "11-24 08:29", "11-24 09:30:00.000001", "none", ["11-24 08:30 start"], [], "11-24 19:00 stop"),
        ("61 minutes late", "11-24 08:29", "11-24 09:31", "none", ["11-24 08:30 start"], [], "11-24 19:00 stop"),
        ("11 hours over both, stop in time", "11-24 08:29", "11-24 19:30", "11-24 19:00 stop", ["11-24 08:30 start"], [], "11-25 08:30 start"),
        ("12 hours over both, stop too late", "11-24 08:29", "11-24 20:30", "none", ["11-24 08:30 start", "11-24 19:00 stop"], [], "11-25 08:30 start"),
        ("a holiday", "11-23 08:00", "11-23 08:30", "none", [], ["11-23 08:30 start (holiday)"], "11-23 19:00 stop"),
        ("the skip of a holiday has no deadline", "11-23 08:00", "11-23 18:00", "none", [], ["11-23 08:30 start (holiday)"], "11-23 19:00 stop"),
        (
            "3 days", "11-20 08:29", "11-23 12:00", "none",
            ["11-20 08:30 start", "11-20 19:00 stop", "11-21 19:00 stop", "11-22 19:00 stop"],
            ["11-23 08:30 start (holiday)"], "11-23 19:00 stop",
        ),
        ("the clock was put back", "11-24 08:30", "11-24 08:20", "none", [], [], "11-24 19:00 stop"),
    ],
)  # fmt: skip
def test_what_a_tick_does_and_records(
    case: str, since: str, now: str, due: str, missed: list[str], skipped: list[str], following: str
) -> None:
    found = pending(OFFICE, JAPAN, local(f"2026-{since}"), local(f"2026-{now}"))
    assert (short(found.due), shorts(found.missed), shorts(found.skipped)) == (due, missed, skipped), case
    assert (short(found.next), found.missed_older) == (following, 0)


def test_five_hours_of_outage_over_a_start_and_a_stop() -> None:
    found = pending(plan("10:00", "12:00"), JAPAN, local("2026-11-24 07:40"), local("2026-11-24 12:40"))
    assert (short(found.due), shorts(found.missed)) == ("11-24 12:00 stop", ["11-24 10:00 start"])


def test_a_stop_still_due_is_done_when_a_skipped_start_came_after_it() -> None:
    found = pending(plan("08:30", "08:00"), JAPAN, local("2026-11-23 07:59"), local("2026-11-23 08:40"))
    assert (short(found.due), shorts(found.skipped)) == ("11-23 08:00 stop", ["11-23 08:30 start (holiday)"])


def test_a_start_just_before_midnight_is_done_after_midnight() -> None:
    found = pending(plan("23:58"), JAPAN, local("2026-11-20 23:57"), local("2026-11-21 00:05"))
    assert short(found.due) == "11-20 23:58 start"


@pytest.mark.parametrize("stop", ["23:59", "24:00"])
@pytest.mark.parametrize("minutes", [1, 5, 7, 60])
def test_a_stop_at_the_end_of_the_day_is_done_however_seldom_it_ticks(stop: str, minutes: int) -> None:
    """A level alone would never be seen by a tick at 23:55 and one at 00:00."""
    end_of_day = plan(stop=stop)
    tick, done = local("2026-11-24 23:00"), []
    while tick < local("2026-11-25 01:30"):
        since, tick = tick, tick + timedelta(minutes=minutes)
        done += [short(found) for found in [pending(end_of_day, JAPAN, since, tick).due] if found]
    assert done == ["11-24 23:59 stop" if stop == "23:59" else "11-25 00:00 stop"]


def test_a_long_outage_keeps_the_most_recent_and_counts_the_rest() -> None:
    since, now = local("2026-01-01 00:00"), local("2026-11-24 12:00")
    found = pending(OFFICE, JAPAN, since, now)
    acting = [o for o in occurrences(OFFICE, JAPAN, since, now) if o.suppressed is None]
    assert list(found.missed) == acting[-MISSED_KEPT:]
    assert found.missed_older == len(acting) - MISSED_KEPT


def test_without_a_schedule_there_is_nothing_to_do() -> None:
    found = pending(None, JAPAN, local("2026-11-20 00:00"), local("2026-11-24 12:00"))
    assert (found.due, found.missed, found.skipped, found.next) == (None, (), (), None)


@pytest.mark.parametrize("schedule", [OFFICE, plan("22:00", "06:00"), plan("08:30"), plan(stop="19:00")])
@pytest.mark.parametrize("minutes", [1, 7, 59, 61, 300, 1441])
def test_ticks_one_after_another_account_for_everything_exactly_once(
    schedule: Schedule, minutes: int
) -> None:
    begin, end = local("2026-11-19 00:00"), local("2026-11-26 00:00")
    accounted: list[Occurrence] = []
    tick = begin
    while tick < end:
        since, tick = tick, tick + timedelta(minutes=minutes)
        found = pending(schedule, JAPAN, since, tick)
        accounted += [*found.missed, *found.skipped] + ([found.due] if found.due else [])
    assert sorted(accounted, key=lambda o: o.at) == occurrences(schedule, JAPAN, begin, tick)
