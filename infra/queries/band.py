"""The band of a day: what is planned per project, and what became of what was planned.

Grouped in the database by equal tags, so that it costs what differs, not what exists.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count, Max, TextField
from django.db.models.functions import Cast

from accounts.domain.permissions import Permission
from infra.domain.duty import Duty, Occurrence, occurrences, wanted
from infra.domain.schedule import Action, Schedule, State
from infra.models import Resource
from infra.models.account import Automation
from infra.queries.rules import Rules
from medical_audit.domain.actor import Actor
from medical_audit.domain.punctuality import LATE_AFTER

#: A planned instant that no tick has taken up for this long is late.
TICK_PATIENCE = timedelta(minutes=2)
ROWS_MAX = 60
_STATUS_ORDER = ("missed", "late", "waiting", "done", "skipped")


@dataclass(frozen=True, slots=True)
class Mark:
    """Equal starts or stops of one project at one minute. status: done, late, missed, waiting or skipped."""

    at: datetime
    action: str
    status: str
    count: int
    percent: float


@dataclass(frozen=True, slots=True)
class Span:
    """Hours in which something of the project should run, in percent of the day."""

    from_percent: float
    width_percent: float


@dataclass(frozen=True, slots=True)
class BandRow:
    project: str
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """Resources of one project that have the same duty, and how many they are."""

    project: str
    duty: Duty
    count: int


@dataclass(frozen=True, slots=True)
class DayBounds:
    """A local day as instants; a day of a zone with summer time may have 23 or 25 hours."""

    begin: datetime
    end: datetime

    def percent(self, at: datetime) -> float:
        return max(0.0, min(100.0, (at - self.begin) / (self.end - self.begin) * 100))


def plan_groups(rules: Rules, *, actor: Actor) -> list[PlanGroup]:
    """Everything that Toban acts on in this tenant, with the number of resources that are alike.

    Resources of one project and account that follow the same are alike, unless an override speaks of one of them.
    """
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    rows = Resource.objects.filter(gone_at__isnull=True, scheduled=True, account__automation=Automation.ON)
    apart = {one.resource_id for one in rules.overrides if one.resource_id is not None}
    alike = (
        rows.exclude(id__in=apart)
        .values_list(
            "project",
            "account_id",
            "schedule_source",
            "schedule_revision",
            "tags__AutoStart",
            "tags__AutoStop",
        )
        .annotate(number=Count("id"), sample=Max(Cast("id", TextField())))
        .order_by()
    )
    numbers = {UUID(sample): number for *_, number, sample in alike} | dict.fromkeys(apart, 1)
    return [
        PlanGroup(row.project, rules.duty(row), numbers[row.id])
        for row in rows.filter(id__in=numbers).select_related("account").order_by("project", "id")
    ]


def band_of(groups: Iterable[PlanGroup], day: DayBounds, *, actor: Actor, now: datetime) -> list[BandRow]:
    """One row per project that has anything planned or done on this day."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    marks: dict[tuple[str, datetime, str, str], int] = {}
    spans: dict[str, list[tuple[datetime, datetime]]] = {}

    def add(project: str, at: datetime, action: str, status: str, number: int) -> None:
        key = (project, at.replace(second=0, microsecond=0), action, status)
        marks[key] = marks.get(key, 0) + number

    for group in groups:
        planned = occurrences(
            group.duty,
            day.begin - timedelta(microseconds=1),
            day.end - timedelta(microseconds=1),
        )
        for one in planned:
            if one.suppressed is not None:
                add(group.project, one.at, one.action, "skipped", group.count)
            elif one.at > now:
                add(group.project, one.at, one.action, "waiting", group.count)
        spans.setdefault(group.project, []).extend(_running(group.duty, planned, day))
    for project, action, at, status, number in [*_done(actor, day, now), *_untaken(actor, day, now)]:
        add(project, at, action, status, number)
    return _rows(marks, spans, day)


def _running(duty: Duty, planned: Iterable[Occurrence], day: DayBounds) -> list[tuple[datetime, datetime]]:
    """When a duty that names both a start and a stop wants its resources on."""
    if not isinstance(duty.schedule, Schedule) or len(duty.schedule.directions) < len(Action):
        return []
    found = []
    since = day.begin if wanted(duty, day.begin)[0] is State.RUNNING else None
    for one in planned:
        if one.suppressed is not None:
            continue
        if one.action is Action.START:
            since = since or one.at
        elif since is not None:
            found.append((since, one.at))
            since = None
    return [*found, (since, day.end)] if since is not None else found


def _rows(
    marks: dict[tuple[str, datetime, str, str], int],
    spans: dict[str, list[tuple[datetime, datetime]]],
    day: DayBounds,
) -> list[BandRow]:
    by_project: dict[str, list[Mark]] = {}
    for (project, at, action, status), number in marks.items():
        by_project.setdefault(project, []).append(Mark(at, action, status, number, day.percent(at)))
    names = sorted(
        set(by_project) | {name for name, found in spans.items() if found}, key=lambda name: (not name, name)
    )
    return [
        BandRow(
            name,
            tuple(_merged(spans.get(name, []), day)),
            tuple(
                sorted(
                    by_project.get(name, []),
                    key=lambda mark: (mark.at, mark.action, _STATUS_ORDER.index(mark.status)),
                )
            ),
        )
        for name in names[:ROWS_MAX]
    ]


def _merged(found: list[tuple[datetime, datetime]], day: DayBounds) -> list[Span]:
    joined: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(found):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return [Span(day.percent(begin), day.percent(end) - day.percent(begin)) for begin, end in joined]


_DONE = """
SELECT coalesce(r.project, ''), split_part(o.kind, '.', 2), o.due_at,
       CASE WHEN o.state = 'SUCCEEDED' AND o.outcome <> 'already' AND o.finished_at - o.due_at > make_interval(secs => %(late)s) THEN 'late'
            WHEN o.state = 'SUCCEEDED' THEN 'done'
            WHEN o.state IN ('FAILED', 'MISSED', 'EXPIRED') THEN 'missed'
            WHEN o.state = 'CANCELLED' THEN 'skipped'
            WHEN %(now)s - o.due_at > make_interval(secs => %(late)s) THEN 'late'
            ELSE 'waiting' END AS status,
       count(*)
FROM medical_audit_operation o
LEFT JOIN infra_resource r ON r.tenant_id = o.tenant_id AND r.id::text = o.target_id
WHERE o.tenant_id = %(tenant)s AND o.entered_at >= %(begin)s AND o.due_at >= %(begin)s AND o.due_at < %(end)s
  AND o.policy = 'schedule' AND o.target_type = 'resource'
GROUP BY 1, 2, 3, 4
"""


def _done(actor: Actor, day: DayBounds, now: datetime) -> list[tuple[str, str, datetime, str, int]]:
    """What the clock entered today, and what became of it. Nothing is entered before it is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            _DONE,
            {
                "tenant": actor.tenant_id,
                "begin": day.begin,
                "end": day.end,
                "now": now,
                "late": LATE_AFTER.total_seconds(),
            },
        )
        return list(cursor.fetchall())


def _untaken(actor: Actor, day: DayBounds, now: datetime) -> list[tuple[str, str, datetime, str, int]]:
    """Due, and no tick has been there yet: waiting for a moment, then late."""
    rows = (
        Resource.objects.filter(
            next_change_at__gte=day.begin, next_change_at__lte=now, account__automation=Automation.ON
        )
        .values_list("project", "next_action", "next_change_at")
        .annotate(number=Count("id"))
        .order_by()
    )
    return [
        (project, action, at, "late" if now - at > TICK_PATIENCE else "waiting", number)
        for project, action, at, number in rows
    ]
