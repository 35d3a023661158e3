"""Japan's holidays come with their Japanese names, and a calendar says how far it reaches."""

from __future__ import annotations

from datetime import date

import pytest

from infra.domain.calendar import Calendar, DayKind, national
from infra.domain.reasons import ReasonCode, because

JAPAN = national(range(2026, 2028))


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 1, 1), "元日"),
        (date(2026, 5, 6), "振替休日"),
        (date(2026, 9, 22), "国民の休日"),
        (date(2026, 11, 23), "勤労感謝の日"),
        (date(2027, 2, 11), "建国記念の日"),
        (date(2027, 3, 22), "振替休日"),
    ],
)
def test_a_national_holiday_is_not_worked_and_has_its_name(day: date, name: str) -> None:
    kind = JAPAN.day(day)
    assert kind.closed == because(ReasonCode.HOLIDAY, day=day, name=name)


@pytest.mark.parametrize(
    "day",
    [date(2026, 7, 7), date(2026, 11, 15 + 1), date(2026, 12, 25), date(2026, 12, 31), date(2027, 2, 3)],
    ids=["tanabata", "after shichi-go-san", "christmas", "new year's eve", "setsubun"],
)
def test_observances_that_are_no_holidays_are_worked(day: date) -> None:
    assert JAPAN.day(day).closed is None


def test_the_number_of_holidays_agrees_with_the_published_lists() -> None:
    assert sum(day.year == 2026 for day in JAPAN.holidays) == 18
    assert sum(day.year == 2027 for day in JAPAN.holidays) == 17


def test_a_plain_day_is_like_its_own_weekday_and_not_closed() -> None:
    saturday = date(2026, 11, 28)
    assert JAPAN.day(saturday) == DayKind(saturday, None, 5)


def test_a_holiday_on_a_sunday_is_closed_by_name() -> None:
    sunday = date(2026, 5, 3)
    assert JAPAN.day(sunday) == DayKind(sunday, because(ReasonCode.HOLIDAY, day=sunday, name="憲法記念日"), 6)


def test_coverage_is_the_whole_years_asked_for() -> None:
    assert JAPAN.coverage == (date(2026, 1, 1), date(2027, 12, 31))
    assert JAPAN.covers(date(2027, 12, 31))
    assert not JAPAN.covers(date(2028, 1, 1))


def test_years_the_library_does_not_know_are_outside_the_coverage() -> None:
    assert national(range(2099, 2120)).coverage == (date(2099, 1, 1), date(2099, 12, 31))
    with pytest.raises(ValueError, match="2100 to 2101"):
        national(range(2100, 2102))


def test_a_list_of_ones_own_covers_the_years_of_its_dates() -> None:
    own = Calendar({date(2026, 6, 1): "創立記念日", date(2027, 6, 1): "創立記念日"})
    assert own.coverage == (date(2026, 1, 1), date(2027, 12, 31))
    assert Calendar().coverage is None
    assert not Calendar().covers(date(2026, 1, 1))


def test_a_calendar_does_not_change_after_it_was_made() -> None:
    source = {date(2026, 6, 1): "創立記念日"}
    own = Calendar(source)
    source.clear()
    assert own.day(date(2026, 6, 1)).closed is not None
    with pytest.raises(TypeError):
        own.holidays[date(2026, 6, 2)] = "x"  # type: ignore[index]


def test_the_same_years_are_computed_once() -> None:
    assert national(range(2026, 2028)) is JAPAN
