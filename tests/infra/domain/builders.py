"""Short ways to write schedules, instants and calendars in tests."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from infra.domain.calendar import MONDAY_TO_FRIDAY, national
from infra.domain.schedule import Occurrence, TagSchedule
from infra.domain.times import ClockTime

JAPAN = national(range(2026, 2028))


def clock(text: str) -> ClockTime | None:
    """`"08:30"` as a time, `""` as none."""
    return ClockTime(int(text[:2]), int(text[3:])) if text else None


def plan(
    start: str = "", stop: str = "", *, zone: str = "Asia/Tokyo", weekdays: frozenset[int] = MONDAY_TO_FRIDAY
) -> TagSchedule:
    """A schedule from two texts."""
    return TagSchedule(clock(start), clock(stop), weekdays, zone)


def local(text: str, zone: str = "Asia/Tokyo") -> datetime:
    """`"2026-11-30 08:30"` on the clocks of a zone, as UTC; the first of the two where it comes twice."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def short(occurrence: Occurrence | None, zone: str = "Asia/Tokyo") -> str:
    """`"11-30 08:30 start"`, with the reason's code in brackets when it is suppressed."""
    if occurrence is None:
        return "none"
    skipped = f" ({occurrence.suppressed.code})" if occurrence.suppressed else ""
    return f"{occurrence.at.astimezone(ZoneInfo(zone)):%m-%d %H:%M} {occurrence.action}{skipped}"
