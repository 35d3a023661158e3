"""Named schedules as their pages show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.domain.permissions import Permission
from infra.domain.calendar import Calendar
from infra.domain.content import schedule_of_content
from infra.domain.duty import Duty, Occurrence, occurrences, wanted
from infra.domain.reasons import Reason, ReasonCode, because
from infra.domain.schedule import Schedule, State
from infra.models import Assignment, NamedSchedule, Override, Resource, Revision
from infra.models.schedule import Scope
from infra.queries.rules import Rules, rules_at
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.states import State as OperationState
from medical_audit.models import Operation

DAYS = 14
_MINUTES = 24 * 60
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """Minutes of a day in which it runs."""

    begin: int
    length: int


@dataclass(frozen=True, slots=True)
class DayLine:
    """One local date: what kind of day, when it runs, what starts and stops."""

    date: date
    reason: Reason
    bars: tuple[Bar, ...]
    acts: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class ListedSchedule:
    named: NamedSchedule
    schedule: Schedule | None
    revision: Revision | None
    draft: Revision | None
    followers: int
    waiting: bool


@dataclass(frozen=True, slots=True)
class SchedulePage:
    listed: ListedSchedule
    days: tuple[DayLine, ...]
    revisions: Sequence[Revision]
    resources: Sequence[Resource]
    assignments: Sequence[Assignment]
    overrides: Sequence[Override]
    waiting: Sequence[Operation]
    hours_a_week: float


def list_schedules(*, actor: Actor) -> list[ListedSchedule]:
    """Every schedule of the tenant by name. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    rows = list(NamedSchedule.objects.filter(archived_at__isnull=True).order_by("name"))
    revisions = list(Revision.objects.all())
    following = Counter(
        Resource.objects.filter(gone_at__isnull=True, schedule_revision__isnull=False).values_list(
            "schedule_revision", flat=True
        )
    )
    waiting = set(
        Operation.objects.filter(kind="schedule.publish", state=OperationState.ENTERED).values_list(
            "target_id", flat=True
        )
    )
    return [_listed(row, revisions, following, str(row.id) in waiting) for row in rows]


def schedule_page(schedule_id: UUID, *, actor: Actor, now: datetime) -> SchedulePage:
    """Everything of one schedule's page. Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    named: NamedSchedule | None = NamedSchedule.objects.filter(
        id=schedule_id, archived_at__isnull=True
    ).first()
    if named is None:
        raise NotFound(type="schedule", id=str(schedule_id))
    revisions = list(Revision.objects.filter(schedule=named).order_by("-number"))
    following = Resource.objects.filter(gone_at__isnull=True, schedule_revision=named.current)
    waiting = list(
        Operation.objects.filter(
            kind="schedule.publish", target_id=str(named.id), state=OperationState.ENTERED
        ).order_by("-entered_at")
    )
    number = following.count() if named.current else 0
    listed = _listed(named, revisions, Counter({named.current: number}), bool(waiting))
    rules = rules_at(now)
    days = days_of(listed.schedule, rules.calendar, now) if listed.schedule else ()
    week = sum(bar.length for line in days[:7] for bar in line.bars) / 60
    return SchedulePage(
        listed=listed,
        days=days,
        revisions=revisions,
        resources=list(following.select_related("account").order_by("name", "id")[:50])
        if named.current
        else [],
        assignments=list(
            Assignment.objects.filter(schedule=named).select_related("resource").order_by("scope", "project")
        ),
        overrides=list(
            Override.objects.filter(
                schedule=named, scope=Scope.SCHEDULE, ended_at__isnull=True, until__gt=now
            ).order_by("since")
        ),
        waiting=waiting,
        hours_a_week=week,
    )


def days_of(schedule: Schedule, calendar: Calendar, now: datetime, days: int = DAYS) -> tuple[DayLine, ...]:
    """The coming days in the schedule's zone, today first, drawn by the engine."""
    duty, tz = Duty(schedule, calendar), schedule.tz
    today = now.astimezone(tz).date()
    return tuple(day_line(duty, today + timedelta(days=ahead), tz) for ahead in range(days))


def day_line(duty: Duty, day: date, tz: ZoneInfo) -> DayLine:
    """One date of a duty."""
    begin, end = (datetime.combine(one, time(), tz) for one in (day, day + timedelta(days=1)))
    moment = timedelta(microseconds=1)
    acts = tuple(occurrences(duty, begin - moment, end - moment))
    bars: list[Bar] = []
    since = 0 if wanted(duty, begin)[0] is State.RUNNING else None
    for one in (one for one in acts if one.suppressed is None):
        at = int((one.at - begin).total_seconds() // 60)
        running = wanted(duty, one.at)[0] is State.RUNNING
        if running and since is None:
            since = at
        elif not running and since is not None:
            bars.append(Bar(since, at - since))
            since = None
    if since is not None:
        bars.append(Bar(since, _MINUTES - since))
    return DayLine(day, day_reason(duty.calendar, day), tuple(bars), acts)


def day_reason(calendar: Calendar, day: date) -> Reason:
    """What kind of day it is: closed and why, a working day, or a weekend."""
    kind = calendar.day(day)
    if kind.closed is not None:
        return kind.closed
    if kind.like < SATURDAY:
        return because(ReasonCode.WORKING_DAY, day=day)
    return because(ReasonCode.WEEKEND, day=day, weekday=kind.like)


@dataclass(frozen=True, slots=True)
class Happening:
    """What would start and stop on a date, for resources that are alike."""

    at: datetime
    action: str
    suppressed: Reason | None
    names: tuple[str, ...]
    count: int


def would_happen(day: date, tz: ZoneInfo, *, actor: Actor, rules: Rules) -> list[Happening]:
    """What would be done on a date, and what not and why, by instant. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    begin, end = (datetime.combine(one, time(), tz) for one in (day, day + timedelta(days=1)))
    moment = timedelta(microseconds=1)
    known: dict[Duty, list[Occurrence]] = {}
    groups: dict[tuple[datetime, str, Reason | None], list[str]] = {}
    rows = Resource.objects.filter(gone_at__isnull=True, scheduled=True).select_related("account")
    for row in rows.order_by("name", "id"):
        duty = rules.duty(row)
        if duty not in known:
            known[duty] = occurrences(duty, begin - moment, end - moment)
        for one in known[duty]:
            groups.setdefault((one.at, str(one.action), one.suppressed), []).append(str(row))
    return [
        Happening(at, action, suppressed, tuple(names[:6]), len(names))
        for (at, action, suppressed), names in sorted(groups.items(), key=lambda item: item[0][:2])
    ]


def _listed(
    named: NamedSchedule, revisions: Sequence[Revision], following: Counter[UUID | None], waiting: bool
) -> ListedSchedule:
    mine = [one for one in revisions if one.schedule_id == named.id]
    current = next((one for one in mine if one.id == named.current), None)
    return ListedSchedule(
        named=named,
        schedule=schedule_of_content(current.content) if current else None,
        revision=current,
        draft=next((one for one in mine if one.published_at is None), None),
        followers=following[named.current] if named.current else 0,
        waiting=waiting,
    )
