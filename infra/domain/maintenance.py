"""Maintenance windows that keep a resource on: SSM's, as AWS tells of them, and the weekly ones of databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from infra.domain.duty import Rank, Window
from infra.domain.reasons import ReasonCode, because
from infra.domain.schedule import State

#: So long before its beginning a resource is to run already.
MARGIN = timedelta(minutes=10)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = timedelta(days=7)
_WEEKLY = re.compile(
    r"(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)-(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):([0-5]\d)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class SsmWindow:
    """One SSM maintenance window as AWS shows it. next_at: its next execution (UTC), None where there is none."""

    id: str
    name: str
    enabled: bool
    duration_hours: int
    next_at: datetime | None


def keeps_on(begin: datetime, end: datetime, name: str, id: str) -> Window:
    """The window during which a resource runs, from the margin before its beginning to its end."""
    reason = because(ReasonCode.MAINTENANCE, until=end, name=name)
    return Window(begin - MARGIN, end, State.RUNNING, Rank.MAINTENANCE, reason, id)


def under_way(begin: datetime, duration_hours: int, now: datetime) -> bool:
    """Whether a window holds at an instant, its margin included: AWS shows the one after it by then."""
    return begin - MARGIN <= now < begin + timedelta(hours=duration_hours)


def weekly(text: str, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield begin and end (UTC) of each weekly window that touches a time, oldest first; a text that is none has none.

    text: as RDS writes it, "sun:18:00-sun:18:30" in UTC.
    """
    found = _WEEKLY.fullmatch(text)
    if found is None:
        return
    monday = datetime.combine((since - _WEEK).date(), time(), UTC)
    monday -= timedelta(days=monday.weekday())
    begin = monday + _offset(*found.groups()[:3])
    length = (_offset(*found.groups()[3:]) - _offset(*found.groups()[:3])) % _WEEK
    while begin < until:
        if begin + length > since:
            yield begin, begin + length
        begin += _WEEK


def _offset(day: str, hour: str, minute: str) -> timedelta:
    return timedelta(days=_DAYS.index(day), hours=int(hour), minutes=int(minute))
