"""Which list has a day, which leaves it out, and which says nothing of its year."""

from __future__ import annotations

from datetime import date

from infra.domain.holiday_check import Difference, differences
from infra.domain.holiday_files import ListSource, read_list
from tests.infra.holiday_lists import JAPAN, cabinet, ical

SINCE = date(2026, 1, 1)
EXTRA, GONE = date(2026, 12, 1), date(2027, 2, 11)


def test_lists_that_say_the_same_do_not_differ_although_the_official_one_names_no_substitute_days() -> None:
    lists = [JAPAN, read_list(cabinet(), ListSource.CABINET), read_list(ical(), ListSource.ICAL)]
    assert differences(lists, since=SINCE) == ()


def test_each_date_says_which_list_has_it_and_which_not() -> None:
    fewer = {day: name for day, name in JAPAN.items() if day != GONE}
    more = JAPAN | {EXTRA: "特別の休み"}
    assert differences([JAPAN, fewer, more], since=SINCE) == (
        Difference(EXTRA, ("", "", "特別の休み"), only_name=False),
        Difference(GONE, ("建国記念の日", "", "建国記念の日"), only_name=False),
    )


def test_a_list_that_says_nothing_of_a_year_is_not_said_to_leave_its_days_out() -> None:
    this_year = {day: name for day, name in JAPAN.items() if day.year < 2027}
    assert differences([JAPAN, this_year], since=SINCE) == ()
    [one] = differences([JAPAN, this_year, JAPAN | {date(2027, 7, 7): "七夕"}], since=SINCE)
    assert one == Difference(date(2027, 7, 7), ("", None, "七夕"), only_name=False)


def test_another_name_for_the_same_day_is_only_another_name() -> None:
    renamed = JAPAN | {date(2026, 11, 23): "新嘗祭"}
    [one] = differences([JAPAN, renamed], since=SINCE)
    assert (one.names, one.only_name) == (("勤労感謝の日", "新嘗祭"), True)


def test_the_past_is_not_looked_at() -> None:
    assert differences([JAPAN, JAPAN | {date(2025, 7, 7): "七夕"}], since=SINCE) == ()
