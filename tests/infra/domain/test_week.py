"""A schedule as a week: minutes exact, over midnight, n-th weekdays as such; and how many hours it wants what."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from infra.domain.calendar import Calendar
from infra.domain.content import Content, read_content
from infra.domain.duty import Duty
from infra.domain.schedule import Schedule
from infra.domain.stretches import hours, stretches
from infra.domain.week import Mark, Week, week_of
from tests.infra.domain.builders import JAPAN, local, plan

TODAY = date(2026, 11, 25)
OFFICE = {"begin": "08:30", "end": "19:00", "weekdays": "mon-fri"}


def schedule(*periods: dict[str, Any], zone: str = "Asia/Tokyo") -> Schedule:
    read = read_content({"zone": zone, "periods": list(periods), "options": {}})
    assert isinstance(read, Content)
    return read.schedule


def drawn(week: Week) -> list[list[str]]:
    """Each weekday's blocks as "08:30-19:00", "~" for sometimes, "?" for left alone, "<" and ">" over midnight."""
    signs = {Mark.RUNS: "", Mark.SOMETIMES: "~", Mark.ALONE: "?"}
    return [
        [
            f"{signs[one.mark]}{'<' * one.from_before}{one.begin // 60:02}:{one.begin % 60:02}"
            f"-{one.end // 60:02}:{one.end % 60:02}{'>' * one.goes_on}"
            for one in day.blocks
        ]
        for day in week.days
    ]


@pytest.mark.parametrize(
    ("periods", "monday", "tuesday", "sunday"),
    [
        ([OFFICE], ["08:30-19:00"], ["08:30-19:00"], []),
        ([{"begin": "08:31", "end": "08:32"}], ["08:31-08:32"], ["08:31-08:32"], ["08:31-08:32"]),
        (
            [{"begin": "22:00", "end": "06:00", "weekdays": "sun,mon"}],
            ["<00:00-06:00", "22:00-24:00>"],
            ["<00:00-06:00"],
            ["22:00-24:00>"],
        ),
        ([{}], ["<00:00-24:00>"], ["<00:00-24:00>"], ["<00:00-24:00>"]),
        ([{"end": "19:00"}], ["?00:00-19:00"], ["?00:00-19:00"], ["?00:00-19:00"]),
    ],
)
def test_a_week_is_drawn_as_the_engine_sees_it(
    periods: list[dict[str, Any]], monday: list[str], tuesday: list[str], sunday: list[str]
) -> None:
    days = drawn(week_of(schedule(*periods), TODAY))
    assert [days[0], days[1], days[6]] == [monday, tuesday, sunday]


def test_an_nth_weekday_stands_on_its_weekday_as_sometimes_with_its_period() -> None:
    week = week_of(schedule(OFFICE, {"begin": "09:00", "end": "02:00", "weekdays": "mon#1,friL"}), TODAY)
    days = drawn(week)
    assert days[0] == ["08:30-19:00", "~09:00-24:00>"]
    assert days[1] == ["08:30-19:00", "~<00:00-02:00"]
    assert days[4] == ["08:30-19:00", "~09:00-24:00>"]
    assert days[5] == ["~<00:00-02:00"]
    [monday, friday] = [week.days[number].blocks[1].period for number in (0, 4)]
    assert monday is not None
    assert friday is not None
    # Each row speaks of its own weekday only.
    assert [set(monday.days.nth), set(monday.days.last)] == [{(0, 1)}, set()]
    assert [set(friday.days.nth), set(friday.days.last)] == [set(), {4}]


def test_some_months_are_sometimes_and_days_of_the_month_stand_apart() -> None:
    week = week_of(
        schedule(OFFICE | {"months": "apr-sep"}, {"begin": "09:00", "end": "17:00", "monthdays": "1,L"}),
        TODAY,
    )
    assert drawn(week)[2] == ["~08:30-19:00"]
    assert [str(one.begin) for one in week.apart] == ["09:00"]


def test_the_week_is_one_without_a_change_of_clocks_and_without_holidays() -> None:
    # Clocks in New York went back on Sunday, 1 November 2026; 23 and 26 November are days off there and here.
    week = week_of(schedule(OFFICE | {"weekdays": None}, zone="America/New_York"), date(2026, 10, 28))
    assert drawn(week) == [["08:30-19:00"]] * 7
    assert drawn(week_of(schedule(OFFICE), date(2026, 11, 23)))[0] == ["08:30-19:00"]


def test_hours_of_a_month_count_holidays_as_stopped() -> None:
    duty = Duty(schedule(OFFICE), JAPAN)
    found = hours(duty, local("2026-11-01 00:00"), local("2026-12-01 00:00"))
    # 21 weekdays in November 2026, of which the 3rd and the 23rd are holidays.
    assert found.running == 19 * timedelta(hours=10, minutes=30)
    assert found.all == timedelta(days=30)
    assert found.open == timedelta(0)


def test_hours_of_the_short_day_on_which_clocks_go_forward_are_really_fewer() -> None:
    duty = Duty(schedule({}, zone="Europe/Berlin"), Calendar())
    day = (local("2027-03-28 00:00", "Europe/Berlin"), local("2027-03-29 00:00", "Europe/Berlin"))
    assert hours(duty, *day).running == timedelta(hours=23)


def test_what_is_left_alone_is_counted_neither_as_on_nor_as_off() -> None:
    found = hours(Duty(plan(stop="19:00"), Calendar()), local("2026-11-30 00:00"), local("2026-12-01 00:00"))
    assert (found.open, found.stopped) == (timedelta(hours=19), timedelta(hours=5))


def test_stretches_leave_no_gap_and_none_where_the_end_is_not_later() -> None:
    duty, since, until = Duty(schedule(OFFICE), JAPAN), local("2026-11-20 03:17"), local("2026-12-01 12:00")
    found = list(stretches(duty, since, until))
    assert (found[0].begin, found[-1].end) == (since, until)
    assert all(one.end == two.begin and one.state != two.state for one, two in pairwise(found))
    assert list(stretches(duty, until, since)) == []
