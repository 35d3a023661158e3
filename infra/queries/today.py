"""Today: what is on, what moves next, what went wrong, what waits for this person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from django.db.models import Count

from accounts.domain.permissions import Permission
from infra.domain.duty import occurrences
from infra.domain.reasons import Reason
from infra.domain.schedule import Action
from infra.models import Finding, Region, Resource
from infra.models.account import Automation
from infra.queries.band import BandRow, DayBounds, PlanGroup, band_of, plan_groups
from infra.queries.rules import Rules, rules_at
from infra.queries.schedule_days import day_reason
from infra.queries.standing import standing_of
from medical_audit.domain.actor import Actor
from medical_audit.models import Operation
from medical_audit.queries.operations import awaiting, overdue, troubles

SHOWN = 8
#: So many resources due within the hour are looked at for the list; the total counts all.
LOOKED_AT = 200
TROUBLE_FOR = timedelta(hours=24)
OVERDUE_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong: exactly one of the three is set."""

    key: str
    operation: Operation | None = None
    finding: Finding | None = None
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Upcoming:
    at: datetime
    action: Action
    resource: Resource


@dataclass(frozen=True, slots=True)
class Today:
    date: date
    reason: Reason
    now_percent: float
    counts: dict[str, int]
    rows: Sequence[BandRow]
    wrong: Sequence[Wrong]
    wrong_total: int
    waiting: Sequence[Operation]
    waiting_total: int
    upcoming: Sequence[Upcoming]
    upcoming_total: int


def today(*, actor: Actor, now: datetime, zone: ZoneInfo) -> Today:
    """The whole page; raises NotPermitted. `zone` decides which day it is."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    local = now.astimezone(zone).date()
    day = DayBounds(
        datetime.combine(local, time(), zone), datetime.combine(local + timedelta(days=1), time(), zone)
    )
    rules = rules_at(now)
    groups = plan_groups(rules, actor=actor)
    wrong, wrong_total = _wrong(actor, now)
    waiting, waiting_total = awaiting(actor=actor, limit=SHOWN)
    states = (
        Resource.objects.filter(gone_at__isnull=True)
        .order_by("state")
        .values_list("state")
        .annotate(Count("id"))
    )
    return Today(
        date=local,
        reason=day_reason(rules.calendar, local),
        now_percent=day.percent(now),
        counts={"running": 0, "stopped": 0, "transition": 0, "unknown": 0} | dict(states),
        rows=band_of(groups, day, actor=actor, now=now),
        wrong=wrong,
        wrong_total=wrong_total,
        waiting=waiting,
        waiting_total=waiting_total,
        upcoming=list(islice(_upcoming(rules, now), SHOWN)),
        upcoming_total=_upcoming_total(groups, now),
    )


def _wrong(actor: Actor, now: datetime) -> tuple[list[Wrong], int]:
    """Accounts that cannot be read first, then operations, then tags to correct."""
    regions = (
        Region.objects.exclude(inventory_problem="")
        .select_related("account")
        .order_by("inventory_problem_since", "id")
    )
    failed = troubles(now - TROUBLE_FOR, actor=actor).order_by("-entered_at", "-id")
    late = overdue(now - OVERDUE_AFTER, actor=actor).order_by("due_at", "id")
    findings = Finding.objects.filter(
        resolved_at__isnull=True, resource__gone_at__isnull=True
    ).select_related("resource__account")
    found = [
        *(Wrong(f"region-{row.id}", region=row) for row in regions[:SHOWN]),
        *(Wrong(f"operation-{row.id}", operation=row) for row in (*failed[:SHOWN], *late[:SHOWN])),
        *(Wrong(f"finding-{row.id}", finding=row) for row in findings.order_by("-found_at", "id")[:SHOWN]),
    ]
    return found[:SHOWN], regions.count() + failed.count() + late.count() + findings.count()


def _upcoming(rules: Rules, now: datetime) -> list[Upcoming]:
    """What will really start or stop within the hour; a start that a holiday suppresses is none."""
    rows = Resource.objects.filter(
        next_change_at__gt=now,
        next_change_at__lte=now + timedelta(hours=1),
        account__automation=Automation.ON,
    )
    listed = []
    for row in rows.select_related("account").order_by("next_change_at", "name", "id")[:LOOKED_AT]:
        change = standing_of(row, rules, now).next
        if change is not None and change.at <= now + timedelta(hours=1):
            listed.append(Upcoming(change.at, change.action, row))
    return listed


def _upcoming_total(groups: Sequence[PlanGroup], now: datetime) -> int:
    until = now + timedelta(hours=1)
    return sum(
        group.count
        for group in groups
        for one in occurrences(group.duty, now, until)
        if one.suppressed is None
    )
