"""Weekly windows of databases and the margin before a window; a text that is no window asks for nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from infra.domain.maintenance import keeps_on, under_way, weekly

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)


def found(text: str, days: int = 14) -> list[tuple[str, str]]:
    pairs = weekly(text, MONDAY, MONDAY + timedelta(days=days))
    return [(f"{begin:%a %d %H:%M}", f"{end:%a %d %H:%M}") for begin, end in pairs]


def test_a_weekly_window_comes_once_a_week() -> None:
    assert found("sun:18:00-sun:18:30") == [
        ("Sun 06 18:00", "Sun 06 18:30"),
        ("Sun 13 18:00", "Sun 13 18:30"),
    ]


def test_one_over_midnight_and_over_the_end_of_the_week_is_whole() -> None:
    assert found("sun:23:45-mon:00:15", 7) == [
        ("Sun 29 23:45", "Mon 30 00:15"),
        ("Sun 06 23:45", "Mon 07 00:15"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sun:18:00",
        "sun:24:00-mon:00:30",
        "xxx:18:00-sun:18:30",
        "sun:18:00-sun:18:30 ",
        "ｓun:18:00-sun:18:30",
    ],
)
def test_what_is_no_window_asks_for_nothing(text: str) -> None:
    assert found(text) == []


def test_it_runs_from_ten_minutes_before() -> None:
    window = keeps_on(MONDAY, MONDAY + timedelta(hours=2), "monthly-patch", "mw-1")
    assert (window.since, window.until) == (MONDAY - timedelta(minutes=10), MONDAY + timedelta(hours=2))


@pytest.mark.parametrize(
    ("minutes", "holds"), [(-11, False), (-10, True), (0, True), (119, True), (120, False)]
)
def test_a_window_holds_from_its_margin_to_its_end(minutes: int, holds: bool) -> None:
    assert under_way(MONDAY, 2, MONDAY + timedelta(minutes=minutes)) is holds
