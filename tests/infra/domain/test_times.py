"""Tag times are read strictly, and local times find their instant, also where clocks jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.domain.findings import SHOWN_LENGTH, FindingCode, shown
from infra.domain.times import BadTime, ClockTime, UnknownZone, instant, load_zone, parse_clock

F = FindingCode
NEW_YORK = ZoneInfo("America/New_York")
TOKYO = ZoneInfo("Asia/Tokyo")
NOT_CLOCKS = [
    ("", F.EMPTY, None),
    ("   ", F.EMPTY, None),
    ("\u3000", F.EMPTY, None),
    ("\x00", F.EMPTY, None),
    ("\u200f", F.EMPTY, None),
    ("8", F.NOT_HH_MM, "08:00"),
    ("08", F.NOT_HH_MM, "08:00"),
    ("9:00", F.NOT_HH_MM, "09:00"),
    ("9:5", F.NOT_HH_MM, None),
    ("09:5", F.NOT_HH_MM, None),
    ("0900", F.NOT_HH_MM, "09:00"),
    ("900", F.NOT_A_TIME, None),
    ("T09:00", F.NOT_HH_MM, "09:00"),
    ("09:00:00", F.NOT_HH_MM, "09:00"),
    ("09:00:30", F.NOT_HH_MM, None),
    ("09:00:60", F.OUT_OF_RANGE, None),
    ("24:00", F.HOUR_24, "00:00"),
    ("2400", F.HOUR_24, "00:00"),
    ("２４：００", F.HOUR_24, "00:00"),
    ("24:01", F.OUT_OF_RANGE, None),
    ("25:00", F.OUT_OF_RANGE, None),
    ("25:99", F.OUT_OF_RANGE, None),
    ("09:60", F.OUT_OF_RANGE, None),
    ("99", F.OUT_OF_RANGE, None),
    ("2561", F.OUT_OF_RANGE, None),
    ("-1:00", F.NOT_A_TIME, None),
    ("09.00", F.NOT_A_TIME, None),
    ("09-00", F.NOT_A_TIME, None),
    ("09: 00", F.NOT_A_TIME, None),
    ("09:", F.NOT_A_TIME, None),
    (":00", F.NOT_A_TIME, None),
    ("::", F.NOT_A_TIME, None),
    ("off", F.NOT_A_TIME, None),
    ("9am", F.NOT_A_TIME, None),
    ("09:00,19:00", F.NOT_A_TIME, None),
    ("09:00Z", F.HAS_ZONE, None),
    ("09:00 JST", F.HAS_ZONE, None),
    ("09:00+09:00", F.HAS_ZONE, None),
    ("０９：００", F.FULL_WIDTH, "09:00"),
    ("９:００", F.FULL_WIDTH, "09:00"),
    ("８", F.FULL_WIDTH, "08:00"),
    ("０９００", F.FULL_WIDTH, "09:00"),
    ("２５：００", F.OUT_OF_RANGE, None),
    ("٠٩:٠٠", F.NOT_A_TIME, None),
    ("०९:००", F.NOT_A_TIME, None),
    ("09:00\n", F.SURROUNDED, "09:00"),
    ("\n09:00", F.SURROUNDED, "09:00"),
    (" 09:00 ", F.SURROUNDED, "09:00"),
    ("\u300009:00\u00a0", F.SURROUNDED, "09:00"),
    ("\u200f09:00", F.SURROUNDED, "09:00"),
    ("09:00\x00", F.SURROUNDED, "09:00"),
    ("09\x00:00", F.NOT_A_TIME, None),
    ("09\n:00", F.NOT_A_TIME, None),
    ("\ud800", F.NOT_A_TIME, None),
    ("09:00" * 50, F.TOO_LONG, None),
    ("９" * 10_000, F.TOO_LONG, None),
]


def test_every_minute_of_the_day_is_accepted_in_its_one_form() -> None:
    for minute in range(24 * 60):
        text = f"{minute // 60:02}:{minute % 60:02}"
        assert parse_clock(text) == ClockTime(minute // 60, minute % 60)
        assert str(parse_clock(text)) == text


@pytest.mark.parametrize(("text", "code", "suggestion"), NOT_CLOCKS, ids=lambda v: ascii(v)[:24])
def test_anything_else_is_refused_with_its_fault_and_a_safe_correction(
    text: str, code: FindingCode, suggestion: str | None
) -> None:
    assert parse_clock(text) == BadTime(shown(text), code, suggestion)


_near_times = st.text(alphabet="0123456789:：０９ T\n.Z+-\u200f", max_size=8)


@settings(max_examples=1000, deadline=None)
@given(st.one_of(st.text(), st.text(st.characters(codec=None)), _near_times))
def test_any_text_is_either_canonical_or_refused_and_never_raises(text: str) -> None:
    read = parse_clock(text)
    if isinstance(read, ClockTime):
        assert text in {f"{h:02}:{m:02}" for h in range(24) for m in range(60)}
    else:
        assert read.text.isprintable()
        assert len(read.text) <= SHOWN_LENGTH * 10 + 1
        read.text.encode("utf-8")
        if read.suggestion is not None:
            assert isinstance(parse_clock(read.suggestion), ClockTime)


def test_text_is_shown_without_hidden_characters_and_cut() -> None:
    assert shown("a\x00\u202e\nｱ あ") == "a\\x00\\u202e\\nｱ あ"
    assert shown("x" * 61) == "x" * 60 + "…"


@pytest.mark.parametrize(("hour", "minute"), [(24, 1), (-1, 0), (0, 60), (0, -1)])
def test_a_clock_time_that_no_clock_shows_cannot_be_made(hour: int, minute: int) -> None:
    with pytest.raises(ValueError, match="no clock"):
        ClockTime(hour, minute)


@pytest.mark.parametrize(
    "name", ["", "Asia", "Asia/Tokio", "../etc/passwd", "/etc/localtime", "a\x00b", "x" * 300]
)
def test_a_zone_that_does_not_exist_is_named(name: str) -> None:
    with pytest.raises(UnknownZone):
        load_zone(name)


# America/New_York 2026: 8 March 02:00 EST -> 03:00 EDT; 1 November 02:00 EDT -> 01:00 EST.
@pytest.mark.parametrize(
    ("day", "clock", "zone", "expected"),
    [
        (date(2026, 11, 30), "08:30", TOKYO, "2026-11-29T23:30"),
        (date(2026, 3, 8), "01:59", NEW_YORK, "2026-03-08T06:59"),
        (date(2026, 3, 8), "02:00", NEW_YORK, "2026-03-08T07:00"),
        (date(2026, 3, 8), "02:30", NEW_YORK, "2026-03-08T07:00"),
        (date(2026, 3, 8), "02:59", NEW_YORK, "2026-03-08T07:00"),
        (date(2026, 3, 8), "03:00", NEW_YORK, "2026-03-08T07:00"),
        (date(2026, 3, 8), "03:01", NEW_YORK, "2026-03-08T07:01"),
        (date(2026, 11, 1), "00:59", NEW_YORK, "2026-11-01T04:59"),
        (date(2026, 11, 1), "01:00", NEW_YORK, "2026-11-01T05:00"),
        (date(2026, 11, 1), "01:30", NEW_YORK, "2026-11-01T05:30"),
        (date(2026, 11, 1), "02:00", NEW_YORK, "2026-11-01T07:00"),
        (
            date(2026, 10, 4),
            "02:15",
            ZoneInfo("Australia/Lord_Howe"),
            "2026-10-03T15:30",
        ),  # a gap of half an hour
        (date(2026, 9, 6), "00:30", ZoneInfo("America/Santiago"), "2026-09-06T04:00"),  # a gap at midnight
    ],
)
def test_a_local_time_gives_its_first_instant_or_the_end_of_the_gap(
    day: date, clock: str, zone: ZoneInfo, expected: str
) -> None:
    read = parse_clock(clock)
    assert isinstance(read, ClockTime)
    assert instant(day, read, zone) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("America/New_York", date(2026, 3, 7)),
        ("America/New_York", date(2026, 10, 31)),
        ("America/St_Johns", date(2010, 11, 6)),  # back over midnight: the date is shown twice
        ("America/Santiago", date(2026, 9, 5)),
        ("Pacific/Apia", date(2011, 12, 29)),  # a whole date is skipped
        ("Asia/Tokyo", date(2026, 12, 31)),
    ],
)
def test_later_local_times_never_give_earlier_instants(name: str, day: date) -> None:
    minutes = [ClockTime(m // 60, m % 60) for m in range(24 * 60)]
    instants = [
        instant(day + timedelta(days=n), clock, ZoneInfo(name)) for n in range(3) for clock in minutes
    ]
    assert instants == sorted(instants)
