"""A local date as it is drawn and counted, also where it has 23 or 25 hours."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from infra.domain.calendar import Calendar
from infra.domain.duty import Duty
from infra.domain.times import day_bounds
from infra.queries.band import DayBounds
from infra.queries.schedule_days import day_line, days_of, hours_on
from tests.infra.domain.builders import local, plan

EVERY_DAY = frozenset(range(7))
NEW_YORK, HAVANA = "America/New_York", "America/Havana"


# New York 2026: 8 March has no 02:00 to 02:59, 1 November has 01:00 to 01:59 twice. Havana has 00:00 to 00:59 twice then.
@pytest.mark.parametrize(
    ("zone", "start", "stop", "day", "bars", "runs", "lasts"),
    [
        (NEW_YORK, "08:30", "19:00", date(2026, 3, 8), [(510, 630)], 10.5, 23),
        (NEW_YORK, "08:30", "19:00", date(2026, 11, 1), [(510, 630)], 10.5, 25),
        (NEW_YORK, "01:00", "04:00", date(2026, 3, 8), [(60, 180)], 2, 23),
        (NEW_YORK, "01:00", "04:00", date(2026, 11, 1), [(60, 180)], 4, 25),
        (NEW_YORK, "22:00", "06:00", date(2026, 11, 1), [(0, 360), (1320, 120)], 9, 25),
        (NEW_YORK, "00:00", "24:00", date(2026, 3, 8), [(0, 1440)], 23, 23),
        (NEW_YORK, "00:00", "24:00", date(2026, 11, 1), [(0, 1440)], 25, 25),
        (NEW_YORK, "00:00", "24:00", date(2026, 11, 2), [(0, 1440)], 24, 24),
        (HAVANA, "00:00", "24:00", date(2026, 10, 31), [(0, 1440)], 24, 24),
        (HAVANA, "00:00", "24:00", date(2026, 11, 1), [(0, 1440)], 25, 25),
        ("Asia/Tokyo", "08:30", "19:00", date(2026, 11, 2), [(510, 630)], 10.5, 24),
    ],
)  # fmt: skip
def test_bars_are_of_the_wall_clock_and_hours_are_those_that_pass(
    zone: str, start: str, stop: str, day: date, bars: list[tuple[int, int]], runs: float, lasts: float
) -> None:
    schedule = plan(start, stop, zone=zone, weekdays=EVERY_DAY)
    line = day_line(Duty(schedule, Calendar()), day, schedule.tz)
    assert [(bar.begin, bar.length) for bar in line.bars] == bars
    assert (line.runs, line.lasts) == (runs, lasts)
    assert {one.day for one in line.acts} <= {day}


def test_a_week_in_which_clocks_change_has_an_hour_more() -> None:
    days = days_of(
        plan("00:00", "24:00", zone=NEW_YORK, weekdays=EVERY_DAY),
        Calendar(),
        local("2026-10-28 12:00", NEW_YORK),
    )
    assert hours_on(days[:7]) == sum(line.lasts for line in days[:7]) == 169


@pytest.mark.parametrize(
    ("day", "before_noon"),
    [(date(2026, 3, 8), 11 / 23), (date(2026, 11, 1), 13 / 25), (date(2026, 11, 2), 0.5)],
)
def test_the_band_of_a_day_is_of_the_hours_that_pass(day: date, before_noon: float) -> None:
    bounds = DayBounds(*day_bounds(day, ZoneInfo(NEW_YORK)))
    assert bounds.percent(local(f"{day} 12:00", NEW_YORK)) == pytest.approx(before_noon * 100)
    assert bounds.end - bounds.begin == timedelta(hours=24) + timedelta(hours=1) * (
        (day.month == 11) * (day.day == 1) - (day.month == 3)
    )
