"""Times are shown as the office says them, in its zone, never without it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import translation

from config.saying import times

HALF_PAST_EIGHT = datetime(2026, 11, 29, 23, 30, 5, tzinfo=UTC)


def test_an_instant_is_shown_in_japan_with_its_weekday_and_zone() -> None:
    assert times.jst(HALF_PAST_EIGHT) == "11/30 (月) 08:30 JST"


def test_the_same_instant_in_english() -> None:
    with translation.override("en"):
        assert times.jst(HALF_PAST_EIGHT) == "Mon 30 Nov 08:30 JST"


def test_the_ledger_shows_year_and_seconds_and_utc() -> None:
    assert times.jst_exact(HALF_PAST_EIGHT) == "2026/11/30 (月) 08:30:05 JST"
    assert times.utc(HALF_PAST_EIGHT) == "2026-11-29T23:30:05Z"


def test_an_instant_of_an_interface_is_the_office_s_time_on_the_page() -> None:
    """2020-02-13T14:05:37Z, second 1581602737 of the epoch, is five past eleven in the evening in Japan."""
    instant = datetime(2020, 2, 13, 14, 5, 37, tzinfo=UTC)
    assert instant == datetime.fromtimestamp(1581602737, UTC)
    assert (
        times.jst_exact("2020-02-13T14:05:37Z") == times.jst_exact(instant) == "2020/2/13 (木) 23:05:37 JST"
    )


def test_an_address_names_the_day_of_the_office() -> None:
    """At half past eight in the morning UTC is still in the day before."""
    assert times.iso_day(HALF_PAST_EIGHT) == "2026-11-30"
    assert times.iso_day("yesterday") == ""


def test_a_text_of_the_ledger_reads_like_the_instant() -> None:
    assert times.jst("2026-11-29T23:30:05.000000Z") == times.jst(HALF_PAST_EIGHT)


@pytest.mark.parametrize("value", [None, "", "yesterday", datetime(2026, 11, 30, 8, 30)])  # noqa: DTZ001
def test_what_is_no_instant_shows_as_a_dash(value: object) -> None:
    assert times.jst(value) == "—"


def test_a_date_needs_no_zone() -> None:
    assert times.day(date(2026, 11, 23)) == "11/23 (月)"
    assert times.day("2026-11-23") == "11/23 (月)"
    assert times.day_long(date(2026, 11, 23)) == "2026/11/23 (月)"


@pytest.mark.parametrize(
    ("span", "ja", "en"),
    [
        (timedelta(seconds=0), "0秒", "0 seconds"),
        (timedelta(seconds=1), "1秒", "1 second"),
        (timedelta(minutes=80), "1時間 20分", "1 hour 20 minutes"),
        (timedelta(days=2, hours=3, minutes=5), "2日 3時間", "2 days 3 hours"),
        (3600, "1時間", "1 hour"),
    ],
)
def test_durations_are_words(span: object, ja: str, en: str) -> None:
    assert times.duration(span) == ja
    with translation.override("en"):
        assert times.duration(span) == en


def test_relative_times_look_both_ways() -> None:
    now = HALF_PAST_EIGHT
    assert times.relative(now - timedelta(minutes=3), now) == "3分前"
    assert times.relative(now + timedelta(hours=2), now) == "2時間後"
    assert times.relative(now, now) == "今"
