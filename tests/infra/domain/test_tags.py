"""Tags become a schedule, nothing, or findings; one finding is enough for no action."""

from __future__ import annotations

import pytest

from infra.domain.findings import Finding, FindingCode
from infra.domain.schedule import Schedule, Unreadable
from infra.domain.tags import ByName, Never, read_tags, times_schedule
from infra.domain.times import ClockTime, UnknownZone

F = FindingCode
NINE, SEVEN_PM = ClockTime(9, 0), ClockTime(19, 0)


@pytest.mark.parametrize(
    ("tags", "start", "stop"),
    [
        ({"AutoStart": "09:00", "AutoStop": "19:00", "Name": "web"}, NINE, SEVEN_PM),
        ({"AutoStart": "19:00", "AutoStop": "09:00"}, SEVEN_PM, NINE),
        ({"AutoStart": "09:00"}, NINE, None),
        ({"AutoStop": "19:00"}, None, SEVEN_PM),
        ({"AutoStop": "00:00"}, None, ClockTime(0, 0)),
        ({"AutoStart": "00:00", "AutoStop": "24:00"}, ClockTime(0, 0), ClockTime(24, 0)),
    ],
)
def test_readable_tags_make_a_schedule(
    tags: dict[str, str], start: ClockTime | None, stop: ClockTime | None
) -> None:
    assert read_tags(tags) == times_schedule(start, stop)


@pytest.mark.parametrize("tags", [{}, {"Name": "09:00"}, {"AutoStartup": "09:00"}, {"Auto": "Start"}])
def test_without_either_tag_there_is_no_schedule(tags: dict[str, str]) -> None:
    assert read_tags(tags) is None


@pytest.mark.parametrize(
    ("tags", "findings"),
    [
        ({"AutoStart": "8"}, [Finding(F.NOT_HH_MM, "AutoStart", "8", "08:00")]),
        ({"AutoStart": "25:00"}, [Finding(F.OUT_OF_RANGE, "AutoStart", "25:00")]),
        ({"AutoStart": ""}, [Finding(F.EMPTY, "AutoStart", "")]),
        ({"AutoStart": "９:００"}, [Finding(F.FULL_WIDTH, "AutoStart", "９:００", "09:00")]),
        ({"AutoStart": "8", "AutoStop": "19:00"}, [Finding(F.NOT_HH_MM, "AutoStart", "8", "08:00")]),
        (
            {"AutoStop": "7pm", "AutoStart": "8"},
            [Finding(F.NOT_HH_MM, "AutoStart", "8", "08:00"), Finding(F.NOT_A_TIME, "AutoStop", "7pm")],
        ),
        ({"AutoStart": "09:00", "AutoStop": "09:00"}, [Finding(F.SAME_TIME, "AutoStop", "09:00")]),
        ({"autostart": "09:00"}, [Finding(F.TAG_NAME, "autostart", "09:00", "AutoStart")]),
        ({"AUTO-STOP": "19:00"}, [Finding(F.TAG_NAME, "AUTO-STOP", "19:00", "AutoStop")]),
        ({"Auto_Start\n": "9\n"}, [Finding(F.TAG_NAME, "Auto_Start\\n", "9\\n", "AutoStart")]),
        ({"ＡｕｔｏＳｔａｒｔ": "09:00"}, [Finding(F.TAG_NAME, "ＡｕｔｏＳｔａｒｔ", "09:00", "AutoStart")]),
        (
            {"AutoStop": "19:00", "autostart": "09:00"},
            [Finding(F.TAG_NAME, "autostart", "09:00", "AutoStart")],
        ),
    ],
)
def test_anything_unreadable_means_no_action_and_says_why(
    tags: dict[str, str], findings: list[Finding]
) -> None:
    assert read_tags(tags) == Unreadable(tuple(findings))


@pytest.mark.parametrize(
    "tags",
    [
        {"AutoStart": "08:00", "AutoStop": "８:００"},
        {"AutoStart": "8", "AutoStop": "0800"},
    ],
)
def test_no_correction_is_offered_that_would_make_start_and_stop_equal(tags: dict[str, str]) -> None:
    read = read_tags(tags)
    assert isinstance(read, Unreadable)
    assert [finding.suggestion for finding in read.findings] == [None] * len(read.findings)


@pytest.mark.parametrize(
    ("tags", "wish"),
    [
        ({"Toban": "never", "AutoStart": "25:00"}, Never()),
        ({"Toban": "Never"}, Unreadable((Finding(F.TOBAN_VALUE, "Toban", "Never", "never"),))),
        ({"Schedule": "平日"}, ByName("平日")),
        ({"Schedule": "平日", "AutoStart": "nonsense"}, ByName("平日")),
        ({"Schedule": " "}, Unreadable((Finding(F.EMPTY, "Schedule", " "),))),
        ({"schedule": "平日"}, None),
    ],
)
def test_never_touch_goes_before_a_named_schedule_and_that_before_times(
    tags: dict[str, str], wish: object
) -> None:
    assert read_tags(tags) == wish


def test_the_zone_and_weekdays_of_the_account_are_kept() -> None:
    read = read_tags({"AutoStart": "09:00"}, "America/New_York", frozenset({5, 6}))
    assert read == times_schedule(NINE, None, weekdays=frozenset({5, 6}), zone="America/New_York")


def test_an_unknown_zone_is_a_finding() -> None:
    expected = Unreadable((Finding(F.UNKNOWN_ZONE, "", "Asia/Tokio"),))
    assert read_tags({"AutoStart": "09:00"}, "Asia/Tokio") == expected


def test_one_bad_resource_leaves_the_others_alone() -> None:
    fleet = [{"AutoStart": text} for text in ("8", "25:00", "", "９:００", "09:00")] + [{}]
    readings = [read_tags(tags) for tags in fleet]
    assert [type(reading) for reading in readings] == [Unreadable] * 4 + [Schedule, type(None)]


@pytest.mark.parametrize(
    ("start", "stop", "weekdays"),
    [(None, None, {0}), (NINE, NINE, {0}), (NINE, None, {7}), (NINE, None, {-1})],
)
def test_a_schedule_that_makes_no_sense_cannot_be_made(
    start: ClockTime | None, stop: ClockTime | None, weekdays: set[int]
) -> None:
    with pytest.raises(ValueError, match=r"start or a stop|weekdays"):
        times_schedule(start, stop, weekdays=frozenset(weekdays))


def test_a_schedule_in_no_zone_cannot_be_made() -> None:
    with pytest.raises(UnknownZone):
        times_schedule(NINE, None, zone="Mars/Olympus")


def test_the_mark_of_a_managed_resource_says_nothing_of_its_times() -> None:
    """Roles that are narrowed to it want it on everything that Toban starts and stops (ADR 13)."""
    assert read_tags({"Toban": "managed"}) is None
    assert read_tags({"Toban": "managed", "AutoStart": "08:30"}) == read_tags({"AutoStart": "08:30"})
    assert isinstance(read_tags({"Toban": "Managed", "AutoStart": "08:30"}), Unreadable)
