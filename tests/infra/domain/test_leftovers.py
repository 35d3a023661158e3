"""How long a volume served nothing, and which part of a month that is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from infra.domain.disks import snapshot_deletion_refusal
from infra.domain.leftovers import Advice, Span, advice, share_of, unattached

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 30, tzinfo=UTC)
NOVEMBER = Span(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def days(begin: int, end: int) -> Span:
    return Span(NOVEMBER.begin + begin * DAY, NOVEMBER.begin + end * DAY)


@pytest.mark.parametrize(
    ("served", "left"),
    [
        ([], [days(0, 60)]),
        ([days(0, 60)], []),
        ([days(10, 20)], [days(20, 60)]),  # the ten days before were not long enough
        ([days(30, 40), days(0, 10)], [days(10, 30), days(40, 60)]),
        ([days(0, 50), days(10, 20)], []),  # several instances at once; the last ten days are not long enough
        ([days(-5, 90)], []),
    ],
)
def test_only_what_lasted_long_enough_counts(served: list[Span], left: list[Span]) -> None:
    assert unattached(days(0, 60), served, 14 * DAY) == left


def test_a_month_is_shared_by_time() -> None:
    assert share_of(NOVEMBER, [days(-10, 15)]) == Fraction(1, 2)
    assert share_of(NOVEMBER, [days(0, 10), days(20, 50)]) == Fraction(2, 3)
    assert share_of(NOVEMBER, [days(40, 50)]) == 0


def test_a_change_of_the_clock_makes_no_month_cost_more_than_itself() -> None:
    """October 2026 has 745 hours in Berlin, of which its clock shows 744."""
    berlin = ZoneInfo("Europe/Berlin")
    october = Span(datetime(2026, 10, 1, tzinfo=berlin), datetime(2026, 11, 1, tzinfo=berlin))
    assert october.length == 31 * DAY + timedelta(hours=1)
    begin, end = (one.astimezone(UTC) for one in (october.begin, october.end))
    assert share_of(october, [Span(begin, end)]) == 1
    assert share_of(october, [Span(begin + timedelta(hours=1), end)]) == Fraction(744, 745)


def test_what_is_to_be_done() -> None:
    assert [advice(89 * DAY, ""), advice(90 * DAY, ""), advice(90 * DAY, "never_touch")] == [
        Advice.ASK, Advice.DELETE, Advice.KEEP,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tags", "images", "age", "code"),
    [
        ({}, [], 1, ""),
        ({"aws:backup:source-resource": "arn:x"}, [], 400, "snapshot_of_backup"),
        ({"aws:dlm:lifecycle-policy-id": "policy-1"}, [], 400, "snapshot_of_backup"),
        ({}, ["ami-1"], 400, "snapshot_of_image"),
        ({"Toban": "never"}, [], 400, "never_touch"),
        ({"Toban": "nevr"}, [], 400, "toban_value"),
        ({"toban:operation": "o"}, [], 89, "snapshot_restorable"),
        ({"toban:operation": "o"}, [], 90, ""),
    ],
)
def test_which_snapshots_must_stay(tags: dict[str, str], images: list[str], age: int, code: str) -> None:
    made = NOW - timedelta(days=age)
    assert snapshot_deletion_refusal(tags, images, "completed", made, NOW, gone=False) == code
    assert snapshot_deletion_refusal({}, [], "pending", made, NOW, gone=False) == "snapshot_busy"
