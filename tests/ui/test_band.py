"""Numbers on the day band are never drawn so close that two are read as one."""

from typing import Any

from config.saying.band import band_marks


def _mark(percent: float, action: str = "start", count: int = 5) -> dict[str, Any]:
    return {"percent": percent, "action": action, "count": count}


def _anchors(*marks: dict[str, Any]) -> list[str]:
    return [mark["anchor"] for mark in band_marks(marks)]


def test_a_lonely_number_stands_over_its_mark() -> None:
    assert _anchors(_mark(50)) == ["middle"]


def test_of_two_neighbours_each_keeps_to_its_own_side() -> None:
    assert _anchors(_mark(35.4), _mark(36.5)) == ["end", "start"]


def test_a_number_between_two_others_is_left_out() -> None:
    assert _anchors(_mark(35), _mark(36), _mark(37)) == ["end", "", "start"]


def test_a_single_one_needs_no_number() -> None:
    assert _anchors(_mark(50, count=1)) == [""]


def test_starts_and_stops_do_not_disturb_each_other() -> None:
    assert _anchors(_mark(50), _mark(50, "stop")) == ["middle", "middle"]


def test_numbers_stay_inside_the_band() -> None:
    assert _anchors(_mark(0.5), _mark(99.5)) == ["start", "end"]
