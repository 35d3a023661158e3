"""Today: what is on, what moves next, what went wrong, what waits for this person."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count

from accounts.domain.permissions import Permission
from infra.domain.duty import occurrences
from infra.domain.reasons import Reason
from infra.domain.schedule import Action
from infra.domain.times import day_bounds
from infra.models import Finding, Region, Resource
from infra.models.account import Automation
from infra.queries.band import BandRow, DayBounds, PlanGroup, band_of, plan_groups
from infra.queries.drift import Drift, drift_of, drifted, last_actions
from infra.queries.overrides import Entry, live_entries
from infra.queries.rules import Rules, rules_at
from infra.queries.schedule_days import day_reason
from infra.queries.standing import standing_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.punctuality import LATE_AFTER
from medical_audit.models import Operation
from medical_audit.queries.operations import awaiting, overdue, troubles

SHOWN = 5
#: So many instants of the next hour are listed, each with some of the names; the counts know all.
INSTANTS, NAMES = 8, 3
#: So many resources due within the hour are looked at for their names.
LOOKED_AT = 200
HOUR = timedelta(hours=1)
TROUBLE_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong: exactly one of the three is set."""

    key: str
    operation: Operation | None = None
    finding: Finding | None = None
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What happens at one instant: `count` resources start or stop, some of them named; or an override ends."""

    at: datetime
    action: Action | None = None
    count: int = 0
    resources: Sequence[Resource] = ()
    override: Entry | None = None

    @property
    def more(self) -> int:
        return self.count - len(self.resources)


@dataclass(frozen=True, slots=True)
class Drifted:
    resource: Resource
    drift: Drift


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
    overrides: Sequence[Entry]
    overrides_total: int
    of_projects: Mapping[str, Entry]
    drifted: Sequence[Drifted]
    drifted_total: int


def today(*, actor: Actor, now: datetime, zone: ZoneInfo) -> Today:
    """The whole page; raises NotPermitted. `zone` decides which day it is."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    local = now.astimezone(zone).date()
    day = DayBounds(*day_bounds(local, zone))
    rules = rules_at(now)
    groups = plan_groups(rules, actor=actor)
    wrong, wrong_total = _wrong(actor, now)
    waiting, waiting_total = awaiting(actor=actor, now=now, limit=SHOWN)
    held = live_entries(actor=actor, now=now)
    upcoming, upcoming_total = _upcoming(groups, rules, held, now)
    drifts, drifts_total = _drifted(actor)
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
        upcoming=upcoming[:INSTANTS],
        upcoming_total=upcoming_total,
        overrides=held[:SHOWN],
        overrides_total=len(held),
        of_projects={one.row.project: one for one in reversed(held) if one.row.project},
        drifted=drifts,
        drifted_total=drifts_total,
    )


def _wrong(actor: Actor, now: datetime) -> tuple[list[Wrong], int]:
    """Accounts that cannot be read first, then operations, then tags to correct."""
    regions = (
        Region.objects.exclude(inventory_problem="")
        .select_related("account")
        .order_by("inventory_problem_since", "id")
    )
    failed = troubles(now - TROUBLE_FOR, actor=actor).order_by("-finished_at", "-id")  # the unknown first
    late = overdue(now - LATE_AFTER, actor=actor).order_by("due_at", "id")
    findings = Finding.objects.filter(
        resolved_at__isnull=True, resource__gone_at__isnull=True
    ).select_related("resource__account")
    found = [
        *(Wrong(f"region-{row.id}", region=row) for row in regions[:SHOWN]),
        *(Wrong(f"operation-{row.id}", operation=row) for row in (*failed[:SHOWN], *late[:SHOWN])),
        *(Wrong(f"finding-{row.id}", finding=row) for row in findings.order_by("-found_at", "id")[:SHOWN]),
    ]
    return found[:SHOWN], regions.count() + failed.count() + late.count() + findings.count()


def _upcoming(
    groups: Sequence[PlanGroup], rules: Rules, held: Sequence[Entry], now: datetime
) -> tuple[list[Upcoming], int]:
    """What will really start or stop within the hour, by instant, and which overrides end; how many starts and stops.

    A start that a holiday suppresses is none.
    """
    counts: Counter[tuple[datetime, Action]] = Counter()
    for group in groups:
        for one in occurrences(group.duty, now, now + HOUR):
            if one.suppressed is None:
                counts[one.at, one.action] += group.count
    names = _names(rules, now)
    found = [
        Upcoming(at, action, count, names.get((at, action), [])[:NAMES])
        for (at, action), count in counts.items()
    ]
    found += [Upcoming(one.until, override=one) for one in held if now < one.until <= now + HOUR]
    found.sort(key=lambda one: (one.at, str(one.action or "")))
    return found, counts.total()


def _names(rules: Rules, now: datetime) -> dict[tuple[datetime, Action], list[Resource]]:
    """Resources by the instant and the action that comes next, of those whose schedule speaks within the hour."""
    rows = Resource.objects.filter(
        next_change_at__gt=now, next_change_at__lte=now + HOUR, account__automation=Automation.ON
    )
    found: dict[tuple[datetime, Action], list[Resource]] = {}
    for row in rows.select_related("account").order_by("next_change_at", "name", "id")[:LOOKED_AT]:
        change = standing_of(row, rules, now).next
        if change is not None:
            found.setdefault((change.at, change.action), []).append(row)
    return found


def _drifted(actor: Actor) -> tuple[list[Drifted], int]:
    """The newest first, and how many there are."""
    rows = drifted(actor=actor)
    newest = list(rows.select_related("account").order_by("-state_since", "id")[:SHOWN])
    last = last_actions([str(row.id) for row in newest])
    found = [(row, drift_of(row, last.get(str(row.id)))) for row in newest]
    return [Drifted(row, drift) for row, drift in found if drift is not None], rows.count()
