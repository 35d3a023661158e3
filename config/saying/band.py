"""The day band of Today: where numbers stand, so that neighbours are never read as one number."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

NEAR: Final = 3.0  # per cent of the day, about 43 minutes: closer numbers would touch
EDGE: Final = 2.0
NOW_WIDTH: Final = 7.5


def band_marks(marks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give the marks of one row with `anchor`: middle, start, end, or "" where no number fits.

    Of two neighbours the left one's number goes to the left and the right one's to the right; one that stands
    between two others keeps its number for the tooltip. Starts and stops have separate lines.
    """
    placed = []
    for action in ("start", "stop"):
        line = sorted((mark for mark in marks if mark["action"] == action), key=lambda mark: mark["percent"])
        for index, mark in enumerate(line):
            left = index > 0 and mark["percent"] - line[index - 1]["percent"] < NEAR
            right = index + 1 < len(line) and line[index + 1]["percent"] - mark["percent"] < NEAR
            placed.append(
                {**mark, "anchor": _anchor(mark["percent"], left, right) if mark["count"] > 1 else ""}
            )
    return placed


def band_hours(now_percent: float) -> list[dict[str, Any]]:
    """The hours on the axis with their place; `label` is off where the time of now stands."""
    return [
        {
            "hour": hour,
            "percent": hour / 24 * 100,
            "anchor": {0: "start", 24: "end"}.get(hour, "middle"),
            "label": abs(hour / 24 * 100 - now_percent) >= NOW_WIDTH,
        }
        for hour in range(0, 25, 3)
    ]


def _anchor(percent: float, left: bool, right: bool) -> str:
    if left and right:
        return ""
    if right or percent > 100 - EDGE:
        return "end"
    return "start" if left or percent < EDGE else "middle"
