"""Named schedules as their pages show them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count

from accounts.domain.permissions import Permission
from infra.domain.calendar import Calendar
from infra.domain.content import schedule_of_content
from infra.domain.duty import Duty, Occurrence, occurrences
from infra.domain.reasons import Reason
from infra.domain.schedule import Schedule
from infra.domain.times import day_bounds
from infra.domain.week import Week, week_of
from infra.models import Assignment, NamedSchedule, Override, Resource, Revision
from infra.models.schedule import Scope
from infra.queries.actual import Actual, actually_off
from infra.queries.calendars import calendar_of
from infra.queries.forecast import differences
from infra.queries.prices import price_book
from infra.queries.rules import Rules
from infra.queries.savings import Saving, month_of, savings
from infra.queries.schedule_days import Act, DayLine, DayPair, days_of, days_of_both, hours_on, next_acts
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.states import State as OperationState
from medical_audit.models import Operation

PUBLISH = "schedule.publish"
#: Kinds of operations on a schedule that wait for a person.
DECIDED = (PUBLISH, "schedule.archive", "schedule.restore")
FOLLOWERS_SHOWN, FOLLOWERS_MOST = 50, 1000


@dataclass(frozen=True, slots=True)
class ListedSchedule:
    """`followers`: how many resources follow it. `waiting`: something about it waits for a person."""

    named: NamedSchedule
    schedule: Schedule | None
    revision: Revision | None
    draft: Revision | None
    followers: int
    waiting: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list; saving: this month, where it is published and followed."""

    listed: ListedSchedule
    next: Act | None
    saving: Saving | None


@dataclass(frozen=True, slots=True)
class ListPage:
    rows: Sequence[Row]
    used: int
    archived: int


@dataclass(frozen=True, slots=True)
class SeenRevision:
    """A revision, and the confirmed operation that put it in force last, if any did."""

    revision: Revision
    in_force: bool
    published: Operation | None


@dataclass(frozen=True, slots=True)
class Following:
    """How many resources follow for the same reason; source: infra.domain.sources.Source."""

    source: str
    project: str
    count: int


@dataclass(frozen=True, slots=True)
class SchedulePage:
    listed: ListedSchedule
    week: Week | None
    days: tuple[DayLine, ...]
    next: tuple[Act, ...]
    revisions: Sequence[SeenRevision]
    following: Sequence[Following]
    resources: Sequence[Resource]
    assignments: Sequence[Assignment]
    overrides: Sequence[Override]
    waiting: Sequence[Operation]
    hours_a_week: float
    saving: Saving | None
    actual: Actual | None
    week_hours: float


@dataclass(frozen=True, slots=True)
class ComparePage:
    """Two revisions side by side: in words, as weeks, and as the coming days."""

    listed: ListedSchedule
    revisions: Sequence[Revision]
    before: Revision
    after: Revision
    weeks: tuple[Week, Week]
    schedules: tuple[Schedule, Schedule]
    differences: Sequence[Mapping[str, Any]]
    days: tuple[DayPair, ...]


def list_schedules(*, actor: Actor, archived: bool = False) -> list[ListedSchedule]:
    """Every schedule of the tenant by name. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    rows = list(NamedSchedule.objects.filter(archived_at__isnull=not archived).order_by("name"))
    revisions = list(Revision.objects.filter(schedule__in=rows))
    following = Counter(
        Resource.objects.filter(gone_at__isnull=True, schedule_revision__isnull=False).values_list(
            "schedule_revision", flat=True
        )
    )
    waiting = set(
        Operation.objects.filter(kind__in=DECIDED, state=OperationState.ENTERED).values_list(
            "target_id", flat=True
        )
    )
    return [_listed(row, revisions, following, str(row.id) in waiting) for row in rows]


def list_page(*, actor: Actor, now: datetime, archived: bool = False) -> ListPage:
    """The list with what each does next. Raises NotPermitted."""
    found = list_schedules(actor=actor, archived=archived)
    calendar = calendar_of(now)
    published = {one.revision.id: one.schedule for one in found if one.revision and one.schedule}
    saved = {} if archived else savings(published, calendar, price_book(), now=now)
    rows = []
    for one in found:
        coming = next_acts(one.schedule, calendar, now, 1) if one.schedule and not archived else ()
        saving = saved.get(one.revision.id) if one.revision else None
        rows.append(Row(one, coming[0] if coming else None, saving))
    other = NamedSchedule.objects.filter(archived_at__isnull=archived).count()
    return ListPage(rows, other if archived else len(rows), len(rows) if archived else other)


def get_schedule(schedule_id: UUID, *, actor: Actor, archived: bool = False) -> ListedSchedule:
    """One schedule, an archived one only if asked. Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    found = NamedSchedule.objects.filter(id=schedule_id)
    if not archived:
        found = found.filter(archived_at__isnull=True)
    named: NamedSchedule | None = found.first()
    if named is None:
        raise NotFound(type="schedule", id=str(schedule_id))
    revisions = list(Revision.objects.filter(schedule=named).order_by("-number"))
    waiting = _waiting(named)
    number = _followers(named).count() if named.current else 0
    return _listed(named, revisions, Counter({named.current: number}), bool(waiting))


def schedule_page(
    schedule_id: UUID, *, actor: Actor, now: datetime, every_follower: bool = False
) -> SchedulePage:
    """Everything of one schedule's page, also of an archived one. Raises NotPermitted, NotFound."""
    listed = get_schedule(schedule_id, actor=actor, archived=True)
    named, schedule = listed.named, listed.schedule
    calendar = calendar_of(now)
    days = days_of(schedule, calendar, now) if schedule else ()
    most = FOLLOWERS_MOST if every_follower else FOLLOWERS_SHOWN
    following = _followers(named) if named.current else Resource.objects.none()
    saving, actual = _saved(listed, calendar, now)
    grouped = following.values("schedule_source", "project").annotate(n=Count("id")).order_by("-n")
    return SchedulePage(
        listed=listed,
        week=week_of(schedule, now.astimezone(schedule.tz).date()) if schedule else None,
        days=days,
        next=next_acts(schedule, calendar, now) if schedule and named.archived_at is None else (),
        revisions=_revisions(named),
        following=_grouped(grouped),
        resources=list(following.select_related("account").order_by("name", "id")[:most]),
        assignments=list(
            Assignment.objects.filter(schedule=named).select_related("resource").order_by("scope", "project")
        ),
        overrides=list(
            Override.objects.filter(
                schedule=named, scope=Scope.SCHEDULE, ended_at__isnull=True, until__gt=now
            ).order_by("since")
        ),
        waiting=_waiting(named),
        hours_a_week=hours_on(days[:7]),
        saving=saving,
        actual=actual,
        week_hours=sum(line.lasts for line in days[:7]),
    )


def compare_page(
    schedule_id: UUID, before: UUID | None, after: UUID | None, *, actor: Actor, now: datetime
) -> ComparePage:
    """Two revisions side by side; by default what is in force and the newest other one.

    Raises NotPermitted, NotFound (also where there are no two).
    """
    listed = get_schedule(schedule_id, actor=actor, archived=True)
    revisions = list(Revision.objects.filter(schedule=listed.named).order_by("-number"))
    known = {one.id: one for one in revisions}
    first = known.get(before) if before else listed.revision or (revisions[-1] if revisions else None)
    second = known.get(after) if after else next((one for one in revisions if one != first), None)
    if first is None or second is None:
        raise NotFound(type="revision", id=str(before or after or ""))
    old, new = schedule_of_content(first.content), schedule_of_content(second.content)
    today = now.astimezone(new.tz).date()
    return ComparePage(
        listed=listed,
        revisions=revisions,
        before=first,
        after=second,
        weeks=(week_of(old, today), week_of(new, today)),
        schedules=(old, new),
        differences=differences(first.content, second.content),
        days=days_of_both(old, new, calendar_of(now), now),
    )


def _saved(listed: ListedSchedule, calendar: Calendar, now: datetime) -> tuple[Saving | None, Actual | None]:
    if listed.schedule is None or listed.revision is None or not listed.followers:
        return None, None
    book, revision = price_book(), listed.revision.id
    begin, _ = month_of(now, listed.schedule.tz)
    saving = savings({revision: listed.schedule}, calendar, book, now=now)[revision]
    return saving, actually_off(revision, book, begin=begin, now=now)


def _followers(named: NamedSchedule) -> Any:
    return Resource.objects.filter(gone_at__isnull=True, schedule_revision=named.current)


def _waiting(named: NamedSchedule) -> list[Operation]:
    rows = Operation.objects.filter(kind__in=DECIDED, target_id=str(named.id), state=OperationState.ENTERED)
    return list(rows.order_by("-entered_at"))


def _revisions(named: NamedSchedule) -> list[SeenRevision]:
    done = Operation.objects.filter(
        kind=PUBLISH, target_id=str(named.id), target_type="schedule", state=OperationState.SUCCEEDED
    )
    last = {str(one.parameters.get("revision")): one for one in done.order_by("finished_at")}
    return [
        SeenRevision(one, one.id == named.current, last.get(str(one.id)))
        for one in Revision.objects.filter(schedule=named).order_by("-number")
    ]


def _grouped(rows: Sequence[Mapping[str, Any]]) -> list[Following]:
    """By where it comes from; only where that is the project, by project as well."""
    sums: Counter[tuple[str, str]] = Counter()
    for one in rows:
        source = one["schedule_source"]
        sums[source, one["project"] if source == "project" else ""] += one["n"]
    return [Following(source, project, count) for (source, project), count in sums.most_common()]


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
    begin, end = day_bounds(day, tz)
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


def assigned(scope: Scope, key: str, *, actor: Actor) -> Assignment | None:
    """What is assigned to a resource (its id), a project (its name) or the tenant (""). Raises NotPermitted, NotFound."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    if scope is Scope.RESOURCE:
        if not Resource.objects.filter(id=key, gone_at__isnull=True).exists():
            raise NotFound(type="resource", id=key)
        return Assignment.objects.filter(scope=str(scope), resource_id=key).first()
    return Assignment.objects.filter(scope=str(scope), project=key).first()
