"""Extra working day > single closed day > closed range > national holiday > weekday."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from infra.domain.calendar import Calendar, ClosedRange, national

YEAR_END = ClosedRange("12-29", "01-03", "年末年始")
HOLIDAYS = national(range(2026, 2028)).holidays


def kinds(calendar: Calendar, first: date, days: int) -> list[str]:
    found = []
    for number in range(days):
        kind = calendar.day(first + timedelta(days=number))
        found.append("extra" if kind.extra else str(kind.closed.code) if kind.closed else "open")
    return found


def test_the_turn_of_the_year_with_one_extra_working_day() -> None:
    calendar = Calendar(HOLIDAYS, ranges=(YEAR_END,), extra={date(2026, 12, 30): "棚卸し"})
    closed = "closure"
    assert kinds(calendar, date(2026, 12, 28), 9) == [
        "open", closed, "extra", closed, closed, closed, closed, "open", "open",
    ]  # fmt: skip


def test_each_rule_goes_before_the_ones_below_it() -> None:
    day = date(2026, 11, 23)
    assert Calendar(HOLIDAYS).day(day).closed.values()["name"] == "勤労感謝の日"  # type: ignore[union-attr]
    ranged = Calendar(HOLIDAYS, ranges=(ClosedRange("11-20", "11-25", "秋休み"),))
    assert ranged.day(day).closed.values()["name"] == "秋休み"  # type: ignore[union-attr]
    single = Calendar(HOLIDAYS, ranges=ranged.ranges, closed={day: "創立記念日"})
    assert single.day(day).closed.values()["name"] == "創立記念日"  # type: ignore[union-attr]
    extra = Calendar(HOLIDAYS, ranges=ranged.ranges, closed=single.closed, extra={day: "出勤日"})
    assert extra.day(day).closed is None


def test_an_extra_working_saturday_is_like_a_friday_and_a_monday_like_itself() -> None:
    calendar = Calendar(extra={date(2026, 11, 28): "出勤", date(2026, 11, 30): "出勤"})
    assert calendar.day(date(2026, 11, 28)).like == 4
    assert calendar.day(date(2026, 11, 30)).like == 0


@pytest.mark.parametrize("text", ["13-01", "02-30", "2-3", "０１-０１", "", "12-29\n"])
def test_a_range_needs_days_that_a_year_has(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        ClosedRange(text, "12-31", "x")


def test_the_special_days_of_a_month_are_those_that_differ() -> None:
    calendar = Calendar(HOLIDAYS, ranges=(YEAR_END,), extra={date(2026, 12, 30): "棚卸し"})
    assert calendar.special(2026, 12) == {29, 30, 31}
    assert calendar.special(2027, 1) == {1, 2, 3, 11}
    assert calendar.day(date(2027, 1, 1)).closed is not None
