"""Lists of holidays are read strictly; what is no such list is refused by name, what differs is for a person."""

from __future__ import annotations

import gzip
import io
import resource
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest

from infra.domain.holiday_files import BadList, ListSource, judge, read_list
from tests.infra.holiday_lists import JAPAN, cabinet, google, ical

ROOT = Path(__file__).resolve().parents[3]
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


def event(more: str, day: str = "20260707", name: str = "x") -> str:
    return f"BEGIN:VEVENT\nDTSTART;VALUE=DATE:{day}\nSUMMARY:{name}\n{more}\nEND:VEVENT"


def packed(name: str, data: bytes) -> bytes:
    """The same file inside a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


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
        (ical(more="BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260707\nDTEND:20260708T000000\nEND:VEVENT"), ICAL, "not_all_day"),
        (ical(more="BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260707\nDURATION:P14D\nSUMMARY:x\nEND:VEVENT"), ICAL, "not_all_day"),
        (ical(more="BEGIN:VEVENT\nDTSTART;VALUE=DATE:20260707\nDURATION:PT12H\nSUMMARY:x\nEND:VEVENT"), ICAL, "not_all_day"),
        (ical(more=event("EXDATE;VALUE=DATE:20260101")), ICAL, "recurrence"),
        (ical(more=event("RECURRENCE-ID;VALUE=DATE:20260101")), ICAL, "recurrence"),
        (ical(more="METHOD:CANCEL"), ICAL, "takes_back"),
        (ical(more="BEGIN:VEVENT\nBEGIN:VEVENT\nEND:VEVENT\nEND:VEVENT"), ICAL, "line"),
        (ical(more="END:VEVENT"), ICAL, "line"),
        (ical() + ical(), ICAL, "line"),
        (ical().split(b"END:VEVENT")[0], ICAL, "cut_off"),
        (ical().removesuffix(b"END:VCALENDAR\r\n"), ICAL, "cut_off"),
        (ical().removesuffix(b"DAR\r\n"), ICAL, "line"),
        (gzip.compress(cabinet()), CABINET, "compressed"),
        (gzip.compress(b"0" * 40_000_000, 1), ICAL, "compressed"),
        (packed("syukujitsu.csv", cabinet()), CABINET, "compressed"),
        (ical().decode().encode("utf-16"), ICAL, "encoding"),
        (ical().decode().encode("cp932"), ICAL, "encoding"),
        (cabinet().decode("cp932").encode("utf-16"), CABINET, "encoding"),
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


def test_a_cancelled_event_is_no_holiday_and_one_day_may_be_said_in_three_ways() -> None:
    said = [
        event("STATUS:CANCELLED", "20260707"),
        event("DURATION:P1D", "20260708"),
        event("X-A:b", "20260709"),
    ]
    days = read_list(ical(more="\n".join(said)), ICAL)
    assert [day.day for day in sorted(set(days) - set(JAPAN))] == [8, 9]


def test_only_events_of_the_calendar_count_and_only_their_own_words() -> None:
    zone = "BEGIN:VTIMEZONE\nTZID:Asia/Tokyo\nBEGIN:STANDARD\nRRULE:FREQ=YEARLY\nEND:STANDARD\nEND:VTIMEZONE"
    todo = "BEGIN:VTODO\nDTSTART;VALUE=DATE:20260708\nSUMMARY:x\nEND:VTODO"
    alarm = event("BEGIN:VALARM\nDESCRIPTION:x\nDURATION:PT5M\nEND:VALARM\nDESCRIPTION:祝日", "20260709")
    days = read_list(ical(more="\n".join([zone, todo, alarm])), ICAL)
    assert sorted(set(days) - set(JAPAN)) == [date(2026, 7, 9)]


def test_years_that_the_shipped_list_does_not_speak_of_are_for_a_person() -> None:
    later = {day.replace(year=2028): name for day, name in JAPAN.items() if day.year == 2027}
    verdict = judge(JAPAN | later, trusted=JAPAN, library=JAPAN, today=TODAY)
    assert (verdict.code, verdict.added) == ("unknown_years", tuple(sorted(later)))


def test_a_list_that_says_nothing_of_a_year_takes_no_day_of_it_away_unseen() -> None:
    special = date(2026, 12, 1)
    trusted = JAPAN | {special: "特別の休日"}
    next_year = {day: name for day, name in JAPAN.items() if day.year == 2027}
    verdict = judge(next_year, trusted=trusted, library=JAPAN, today=TODAY)
    assert (verdict.code, verdict.removed) == ("removes_days", (special,))


HOSTILE = """
from infra.domain.holiday_files import BadList, ListSource, judge, read_list
head, bomb = b"BEGIN:VCALENDAR\\r\\n", b"BEGIN:VEVENT\\r\\nDTSTART;VALUE=DATE:%b\\r\\nRRULE:FREQ=%b\\r\\nSUMMARY:x\\r\\nEND:VEVENT\\r\\n"
end, day = b"END:VCALENDAR\\r\\n", b"BEGIN:VEVENT\\r\\nDTSTART;VALUE=DATE:%08d\\r\\nEND:VEVENT\\r\\n"
FILES = {
    "secondly": head + bomb % (b"20260101", b"SECONDLY") + end,
    "minutely from year 1": head + bomb % (b"00010101", b"MINUTELY") + end,
    "5 MB of begins": head + b"BEGIN:VEVENT\\r\\n" * 350_000,
    "5 MB in one line": head + b"SUMMARY:" + b"x" * 4_900_000,
    "5 MB of folds": head + b"S\\r\\n " * 1_200_000,
    "5 MB of semicolons": head + b";" * 4_900_000,
    "5 MB of empty lines": head + b"\\r\\n" * 2_400_000,
    "5 MB of nesting": head + b"BEGIN:A\\n" * 49_000 + b"x" * 4_000_000,
    "5,001 days": head + b"".join(day % (10000101 + 10000 * (n // 28 // 12) + 100 * (n // 28 % 12) + n % 28) for n in range(5001)) + end,
    "too long for a year": b"\\x8d\\x91" * 2_400_000,
}
for name, data in FILES.items():
    for source in (ListSource.ICAL, ListSource.CABINET):
        try:
            judge(read_list(data, source), trusted={}, library={}, today=__import__("datetime").date(2026, 11, 30))
        except BadList as bad:
            print(f"{name}|{source}|{bad.code}")
"""


def test_no_file_of_five_megabytes_takes_more_than_a_little_memory_and_time() -> None:
    """The reader in a process that the kernel ends beyond 250 MB of addresses or 30 seconds of work."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (250_000_000, 250_000_000))
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))

    ran = subprocess.run(
        [sys.executable, "-c", HOSTILE],
        cwd=ROOT,
        preexec_fn=bound,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == 20
    assert "secondly|ical|recurrence" in lines
    assert "minutely from year 1|ical|recurrence" in lines
    assert "5,001 days|ical|too_large" in lines
