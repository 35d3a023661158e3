"""Lists of holidays are read strictly; what is no such list is refused by name, what differs is for a person."""

from __future__ import annotations

from datetime import date

import pytest

from infra.domain.holiday_files import BadList, ListSource, judge, read_list
from tests.infra.holiday_lists import JAPAN, cabinet, google, ical

TODAY = date(2026, 11, 30)
CABINET, ICAL = ListSource.CABINET, ListSource.ICAL


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (cabinet(), CABINET),
        (cabinet(newline="\n"), CABINET),
        (ical(), ICAL),
        (ical(newline="\n"), ICAL),
        (b"\xef\xbb\xbf" + ical(), ICAL),
    ],
    ids=["cp932 csv", "csv with line feeds", "ics with crlf", "ics with lf", "ics with a byte order mark"],
)
def test_a_right_list_gives_the_right_days(data: bytes, source: ListSource) -> None:
    days = read_list(data, source)
    assert set(days) == set(JAPAN)
    assert days[date(2026, 11, 23)] == "勤労感謝の日"
    assert judge(days, trusted=JAPAN, library=JAPAN, today=TODAY).code == ""


BOMB = "BEGIN:VEVENT\nDTSTART:20260101T000000Z\nRRULE:FREQ=SECONDLY\nSUMMARY:x\nEND:VEVENT"


@pytest.mark.parametrize(
    ("data", "source", "code"),
    [
        (b"", CABINET, "empty"),
        (b" \r\n", ICAL, "empty"),
        (b"<!DOCTYPE html><html>503</html>", CABINET, "html"),
        (b"  <html>", ICAL, "html"),
        (cabinet().decode("cp932").encode("utf-8"), CABINET, "encoding"),
        (b"date,name\r\n2026/1/1,x\r\n", CABINET, "header"),
        (cabinet() + b"2026/2/30,x\r\n", CABINET, "line"),
        (cabinet() + b"2026/2/3\r\n", CABINET, "line"),
        (cabinet({}), CABINET, "no_days"),
        (b"x" * 5_000_001, CABINET, "too_large"),
        (b"\n" * 10 + b"BEGIN:VCALENDAR", ICAL, "header"),
        (google(), ICAL, "not_national"),
        (ical(more=BOMB), ICAL, "recurrence"),
        (ical(more=BOMB.replace("SECONDLY", "YEARLY")), ICAL, "recurrence"),
        (ical(more="BEGIN:VEVENT\nDTSTART:20260707T090000\nSUMMARY:x\nEND:VEVENT"), ICAL, "not_all_day"),
        (ical(more="BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260707\nDTEND;VALUE=DATE:20260720\nEND:VEVENT"), ICAL, "not_all_day"),
        (ical().split(b"END:VEVENT")[0], ICAL, "cut_off"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_holidays_is_refused_by_name(data: bytes, source: ListSource, code: str) -> None:
    with pytest.raises(BadList) as caught:
        read_list(data, source)
    assert caught.value.code == code


def test_a_year_with_too_few_days_is_refused() -> None:
    short = {day: name for day, name in JAPAN.items() if day.year != 2026 or day.month < 5}
    with pytest.raises(BadList) as caught:
        judge(short, trusted=JAPAN, library=JAPAN, today=TODAY)
    assert (caught.value.code, caught.value.detail[:4]) == ("too_few", "2026")


def test_a_list_of_the_past_is_refused() -> None:
    old = {day: name for day, name in JAPAN.items() if day.year == 2025}
    with pytest.raises(BadList) as caught:
        judge(old, trusted=JAPAN, library=JAPAN, today=TODAY)
    assert caught.value.code == "too_old"


def test_a_list_without_a_known_day_and_one_with_an_unknown_day_are_for_a_person() -> None:
    gone = date(2027, 2, 11)
    fewer = {day: name for day, name in JAPAN.items() if day != gone}
    assert judge(fewer, trusted=JAPAN, library=JAPAN, today=TODAY).removed == (gone,)
    more = JAPAN | {date(2026, 7, 7): "七夕", date(2027, 7, 7): "七夕"}
    verdict = judge(more, trusted=JAPAN, library=JAPAN, today=TODAY)
    assert (verdict.code, verdict.added) == ("differs", (date(2026, 7, 7), date(2027, 7, 7)))
