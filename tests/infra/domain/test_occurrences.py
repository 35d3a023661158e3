"""Starts fall due on working days, stops on every day, each exactly once, also where clocks jump."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from infra.domain.calendar import Calendar
from infra.domain.days import read_days
from infra.domain.reasons import ReasonCode, because
from infra.domain.schedule import Period, Schedule, Unreadable
from infra.domain.times import END_OF_DAY, ClockTime
from tests.infra.domain.builders import JAPAN, clock, local, next_occurrence, occurrences, plan, short

NEW_YORK = "America/New_York"
EVERY_DAY = frozenset(range(7))
ROOT = Path(__file__).parents[3]


def listed(
    schedule: Schedule, after: str, until: str, zone: str = "Asia/Tokyo", calendar: Calendar = JAPAN
) -> list[str]:
    return [short(o, zone) for o in occurrences(schedule, calendar, local(after, zone), local(until, zone))]


def test_a_week_with_a_holiday() -> None:
    assert listed(plan("08:30", "19:00"), "2026-11-20 08:30", "2026-11-24 19:00") == [
        "11-20 19:00 stop",
        "11-21 19:00 stop",
        "11-22 19:00 stop",
        "11-23 08:30 start (holiday)",
        "11-23 19:00 stop",
        "11-24 08:30 start",
        "11-24 19:00 stop",
    ]


def test_a_night_shift_is_decided_by_its_start_day_and_its_stop_comes_every_morning() -> None:
    assert listed(plan("22:00", "06:00"), "2026-11-20 12:00", "2026-11-24 22:00") == [
        "11-20 22:00 start",
        "11-21 06:00 stop",
        "11-22 06:00 stop",
        "11-23 06:00 stop",
        "11-23 22:00 start (holiday)",
        "11-24 06:00 stop",
        "11-24 22:00 start",
    ]


def test_one_sided_schedules_do_one_thing() -> None:
    assert listed(plan("08:30"), "2026-11-20 12:00", "2026-11-24 23:00") == [
        "11-23 08:30 start (holiday)",
        "11-24 08:30 start",
    ]
    assert listed(plan(stop="19:00"), "2026-11-20 12:00", "2026-11-23 23:00") == [
        f"11-{day} 19:00 stop" for day in (20, 21, 22, 23)
    ]


def timetable(*periods: tuple[str, str, str | None]) -> Schedule:
    """A schedule of (begin, end, weekdays); "" is none."""
    return Schedule(
        "Asia/Tokyo",
        tuple(Period(clock(begin), parse(end), read_days(days, None, None)) for begin, end, days in periods),
    )


def parse(end: str) -> ClockTime | None:
    return END_OF_DAY if end == "24:00" else clock(end)


# 2026-11-20 Friday, 23 Monday is a holiday, 24 Tuesday.
@pytest.mark.parametrize(
    ("case", "schedule", "expected"),
    [
        ("24:00 alone stops at the end of every date", timetable(("", "24:00", None)), ["11-21 00:00 stop", "11-22 00:00 stop", "11-23 00:00 stop", "11-24 00:00 stop", "11-25 00:00 stop"]),
        ("24:00 on Fridays and Mondays, also on a holiday", timetable(("", "24:00", "fri,mon")), ["11-21 00:00 stop", "11-24 00:00 stop"]),
        ("23:59 alone", timetable(("", "23:59", "fri")), ["11-20 23:59 stop"]),
        ("the last end of a date stops, where another period leaves alone until then", timetable(("", "19:00", None), ("", "24:00", None)), ["11-21 00:00 stop", "11-22 00:00 stop", "11-23 00:00 stop", "11-23 19:00 stop", "11-24 00:00 stop", "11-25 00:00 stop"]),
        ("24:00 does not stop what runs on", timetable(("", "24:00", "fri"), ("00:00", "06:00", "sat")), ["11-21 00:00 start"]),
        ("hours to 24:00, and an end of every day", timetable(("08:30", "24:00", "fri"), ("", "24:00", "fri")), ["11-20 08:30 start", "11-21 00:00 stop"]),
        ("halves do not compose: started, never stopped", timetable(("19:00", "", "fri"), ("", "10:00", "sat")), ["11-20 19:00 start"]),
        ("the other half: nothing stops at 24:00 what begins at 22:00", timetable(("22:00", "", "fri"), ("", "24:00", "fri")), ["11-20 22:00 start"]),
        ("both ends of hours", timetable(("08:30", "19:00", "fri"), ("19:00", "22:00", "fri")), ["11-20 08:30 start", "11-20 22:00 stop"]),
        ("a gap of a minute is none", timetable(("20:00", "23:59", "fri"), ("00:00", "06:00", "sat")), ["11-20 20:00 start", "11-21 06:00 stop"]),
        ("a gap of two minutes is one", timetable(("20:00", "23:58", "fri"), ("00:00", "06:00", "sat")), ["11-20 20:00 start", "11-20 23:58 stop", "11-21 00:00 start", "11-21 06:00 stop"]),
        ("equal times never run", timetable(("08:30", "08:30", None)), []),
    ],
)  # fmt: skip
def test_ends_and_halves(case: str, schedule: Schedule, expected: list[str]) -> None:
    assert listed(schedule, "2026-11-20 00:00", "2026-11-25 00:00") == expected, case


def test_two_starts_that_one_closed_day_suppresses_at_once_are_one_record() -> None:
    twice = timetable(("08:30", "12:00", "mon"), ("08:30", "19:00", "mon"))
    assert listed(twice, "2026-11-23 00:00", "2026-11-23 11:00") == ["11-23 08:30 start (holiday)"]


def test_the_next_occurrence_is_found_after_decades() -> None:
    rare = Schedule("UTC", (Period(clock("09:00"), clock("10:00"), read_days("mon", "29", "feb")),))
    found = next_occurrence(rare, Calendar(), local("2044-03-01 00:00", "UTC"))
    assert found is not None
    assert found.at == local("2072-02-29 09:00", "UTC")


def test_the_first_instant_is_left_out_and_the_last_is_in() -> None:
    assert listed(plan("08:30"), "2026-11-24 08:30", "2026-11-25 08:30") == ["11-25 08:30 start"]
    assert listed(plan("08:30"), "2026-11-25 08:30", "2026-11-24 08:30") == []


def test_a_holiday_on_a_weekend_is_no_occurrence() -> None:
    # 2026-05-03 憲法記念日 is a Sunday.
    assert listed(plan("08:30"), "2026-05-02 00:00", "2026-05-03 23:59") == []


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 11, 23), "勤労感謝の日"),
        (date(2026, 9, 22), "国民の休日"),
        (date(2027, 3, 22), "振替休日"),
    ],
)
def test_a_start_on_a_national_holiday_is_suppressed_by_name(day: date, name: str) -> None:
    found = occurrences(plan("08:30"), JAPAN, local(f"{day} 00:00"), local(f"{day} 23:59"))
    reason = because(ReasonCode.HOLIDAY, day=day, name=name)
    assert [(short(o)[6:11], o.suppressed) for o in found] == [("08:30", reason)]


# Runs in a process of its own, because a process reads its time zone when it starts.
PINNED = """
from tests.infra.domain.builders import JAPAN, evaluate, local, occurrences, plan, short
import sys, time
print(*time.tzname, file=sys.stderr)
for day in sys.argv[1:]:
    for schedule in (plan("08:30", "19:00"), plan("00:02"), plan("23:58")):
        found = occurrences(schedule, JAPAN, local(f"{day} 00:00"), local(f"{day} 23:59"))
        print(day, [short(o) for o in found if o.action == "start"], evaluate(schedule, local(f"{day} 08:30"), JAPAN).state)
"""
STARTED = {
    "2026-11-30": "an ordinary Monday",
    "2026-11-24": "the Tuesday after a Monday holiday",
    "2026-07-07": "七夕 is no holiday",
    "2026-12-25": "Christmas is no holiday",
}
NOT_STARTED = {
    "2027-02-11": "a Thursday holiday",
    "2026-11-23": "a Monday holiday",
    "2026-09-22": "a bridge day",
    "2027-03-22": "a substitute day",
}


def test_the_zone_of_the_process_changes_nothing() -> None:
    days = [*STARTED, *NOT_STARTED]
    answers = {}
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        environment = {**os.environ, "TZ": zone, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", PINNED, *days]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
        answers[done.stderr] = done.stdout
    expected = []
    for day in days:
        mark, state = (" (holiday)", "stopped") if day in NOT_STARTED else ("", "running")
        early, late = ("stopped", "stopped") if day in NOT_STARTED else ("running", "any")
        wants = {"08:30": state, "00:02": early, "23:58": late}
        expected += [f"{day} ['{day[5:]} {clock} start{mark}'] {want}" for clock, want in wants.items()]
    assert len(answers) == 3, "the three processes ran in three zones"
    assert [answer.splitlines() for answer in answers.values()] == [expected] * 3


# New York 2026: 8 March has no 02:00 to 02:59, 1 November has 01:00 to 01:59 twice.
@pytest.mark.parametrize(
    ("start", "stop", "day", "expected"),
    [
        ("02:30", "", "03-08", ["03-08 03:00 start"]),
        ("", "02:30", "03-08", ["03-08 03:00 stop"]),
        ("02:30", "08:00", "03-08", ["03-08 03:00 start", "03-08 08:00 stop"]),
        ("01:30", "02:30", "03-08", ["03-08 01:30 start", "03-08 03:00 stop"]),
        ("02:15", "02:45", "03-08", []),  # nothing is left of the window
        ("02:45", "02:15", "03-08", []),  # the night before runs into this one
        ("01:30", "", "11-01", ["11-01 01:30 start"]),
        ("", "01:30", "11-01", ["11-01 01:30 stop"]),
        ("01:15", "01:45", "11-01", ["11-01 01:15 start", "11-01 01:45 stop"]),
        ("01:45", "02:15", "11-01", ["11-01 01:45 start", "11-01 02:15 stop"]),
    ],
)
def test_both_clock_change_nights_in_new_york(start: str, stop: str, day: str, expected: list[str]) -> None:
    schedule = plan(start, stop, zone=NEW_YORK, weekdays=EVERY_DAY)
    found = occurrences(
        schedule, Calendar(), local(f"2026-{day} 00:30", NEW_YORK), local(f"2026-{day} 12:00", NEW_YORK)
    )
    assert [short(o, NEW_YORK) for o in found] == expected
    assert all(o.at.astimezone(schedule.tz).fold == 0 for o in found), "the first of two, never the second"


def test_a_window_over_the_repeated_hour_is_an_hour_longer() -> None:
    schedule = plan("01:45", "02:15", zone=NEW_YORK, weekdays=EVERY_DAY)
    start, stop = occurrences(
        schedule, Calendar(), local("2026-11-01 00:00", NEW_YORK), local("2026-11-01 12:00", NEW_YORK)
    )
    assert stop.at - start.at == timedelta(minutes=90)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        (plan("08:30", "19:00"), "2026-11-20 19:00", "11-21 19:00 stop"),
        (plan("08:30"), "2026-11-20 08:29", "11-20 08:30 start"),
        (plan("08:30"), "2026-11-20 08:30", "11-23 08:30 start (holiday)"),
        (plan("08:30"), "2026-11-23 08:30", "11-24 08:30 start"),
        (plan("08:30", weekdays=frozenset({6})), "2026-11-23 08:30", "11-29 08:30 start"),
        (plan("08:30", weekdays=frozenset()), "2026-11-23 08:30", "none"),
    ],
)
def test_the_next_occurrence_includes_skips_and_leaves_weekends_out(
    schedule: Schedule, after: str, expected: str
) -> None:
    assert short(next_occurrence(schedule, JAPAN, local(after))) == expected


def test_without_a_readable_schedule_nothing_falls_due() -> None:
    at = local("2026-11-20 12:00")
    for reading in (None, Unreadable(())):
        assert occurrences(reading, JAPAN, at, at + timedelta(days=9)) == []
        assert next_occurrence(reading, JAPAN, at) is None


def test_a_long_closure_is_listed_skip_by_skip() -> None:
    closed = Calendar({date(2026, 1, 1) + timedelta(days=n): "休業" for n in range(900)})
    found = occurrences(plan("08:30"), closed, local("2026-02-01 00:00"), local("2027-02-01 00:00"))
    assert len(found) == 52 * 5
    assert {o.suppressed is not None for o in found} == {True}
    assert next_occurrence(plan("08:30"), closed, local("2026-02-01 00:00")) == found[0]
