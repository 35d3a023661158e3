"""Was the schedule kept: planned starts and stops against what was verified, per month and per resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from medical_audit.domain.actor import Actor
from medical_audit.domain.punctuality import JUDGED, LATE_AFTER, Kept, kept
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.queries.punctuality import kept_between, planned_of

#: How far back a resource's own page looks, and how many it shows.
DAYS, SHOWN = 31, 10


@dataclass(frozen=True, slots=True)
class MonthKept:
    """A month of the tenant's planned starts and stops by Kept; `judged` of them are over and were wanted."""

    month: date
    counts: Mapping[Kept, int]
    late_after: timedelta

    @property
    def judged(self) -> int:
        return sum(self.counts[one] for one in JUDGED)

    @property
    def permille_on_time(self) -> int | None:
        """Rounded down, so that one late start in a thousand never reads as all of them; None before any is over."""
        return self.counts[Kept.ON_TIME] * 1000 // self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class Planned:
    """One planned start or stop and what became of it."""

    operation: Operation
    kept: Kept


def month_kept(*, actor: Actor, now: datetime, zone: ZoneInfo) -> MonthKept:
    """This month so far, in the tenant's zone. Raises NotPermitted."""
    first = now.astimezone(zone).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    begin, end = (datetime.combine(day, time(), zone) for day in (first, following))
    return MonthKept(first, kept_between(begin, end, actor=actor, now=now), LATE_AFTER)


def kept_of(resource_id: str, *, actor: Actor, now: datetime) -> Sequence[Planned]:
    """The newest planned starts and stops of one resource. Raises NotPermitted."""
    rows = planned_of(resource_id, actor=actor, since=now - timedelta(days=DAYS), limit=SHOWN)
    return [
        Planned(row, kept(State(row.state), row.outcome, row.due_at, row.finished_at, now)) for row in rows
    ]
