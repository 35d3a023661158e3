"""Short ways to write schedules, instants and calendars in tests."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from infra.domain import duty
from infra.domain.calendar import Calendar, national
from infra.domain.duty import Duty, Occurrence, Pending, Verdict
from infra.domain.schedule import Schedule, Unreadable
from infra.domain.tags import MONDAY_TO_FRIDAY, times_schedule
from infra.domain.times import ClockTime

Reading = Schedule | Unreadable | None

JAPAN = national(range(2026, 2028))


def clock(text: str) -> ClockTime | None:
    """`"08:30"` as a time, `""` as none."""
    return ClockTime(int(text[:2]), int(text[3:])) if text else None


def plan(
    start: str = "", stop: str = "", *, zone: str = "Asia/Tokyo", weekdays: frozenset[int] = MONDAY_TO_FRIDAY
) -> Schedule:
    """What AutoStart and AutoStop with these texts stand for."""
    return times_schedule(clock(start), clock(stop), weekdays=weekdays, zone=zone)


def evaluate(schedule: Reading, at: datetime, calendar: Calendar) -> Verdict:
    return duty.evaluate(Duty(schedule, calendar), at)


def occurrences(schedule: Reading, calendar: Calendar, after: datetime, until: datetime) -> list[Occurrence]:
    return duty.occurrences(Duty(schedule, calendar), after, until)


def next_occurrence(schedule: Reading, calendar: Calendar, after: datetime) -> Occurrence | None:
    return duty.next_occurrence(Duty(schedule, calendar), after)


def pending(schedule: Reading, calendar: Calendar, since: datetime, now: datetime) -> Pending:
    return duty.pending(Duty(schedule, calendar), since, now)


def local(text: str, zone: str = "Asia/Tokyo") -> datetime:
    """`"2026-11-30 08:30"` on the clocks of a zone, as UTC; the first of the two where it comes twice."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def short(occurrence: Occurrence | None, zone: str = "Asia/Tokyo") -> str:
    """`"11-30 08:30 start"`, with the reason's code in brackets when it is suppressed."""
    if occurrence is None:
        return "none"
    skipped = f" ({occurrence.suppressed.code})" if occurrence.suppressed else ""
    return f"{occurrence.at.astimezone(ZoneInfo(zone)):%m-%d %H:%M} {occurrence.action}{skipped}"
