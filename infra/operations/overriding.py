"""Overrides: for a while something else holds than the schedule says, with an end, a reason and a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from accounts.domain.permissions import Permission
from infra.domain.duty import occurrences
from infra.domain.schedule import State
from infra.models import NamedSchedule, Override, Resource
from infra.models.schedule import OverrideKind, Scope
from infra.operations.plans import PLAN_FIELDS, plan
from infra.queries.projects import is_there
from infra.queries.rules import rules_at
from medical_audit.domain.actor import Actor
from medical_audit.domain.canonical import digest, utc_text
from medical_audit.domain.errors import NotFound, Refused, StaleContent, TokenReused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.writing import write_rows
from medical_audit.tenancy import tenant_scope

SET, END, FREEZE, THAW = "override.set", "override.end", "freeze.set", "freeze.end"
LONGEST = timedelta(days=31)
AT_ONCE = 200
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for. Exactly one of resources, project, schedule, or none of them (a freeze of the tenant).

    since None: from the moment it is confirmed.
    """

    wish: State
    until: datetime
    since: datetime | None = None
    resources: tuple[UUID, ...] = ()
    project: str = ""
    schedule: UUID | None = None
    kind: OverrideKind = OverrideKind.OVERRIDE

    @property
    def scope(self) -> Scope:
        if self.resources:
            return Scope.RESOURCE
        if self.project:
            return Scope.PROJECT
        return Scope.SCHEDULE if self.schedule else Scope.TENANT


def enter_override(wanted: Wanted, *, actor: Actor, now: datetime, reason: str, token: str = "") -> Operation:
    """Enter one override of a resource, a selection or a project; or a freeze, which another person confirms.

    Raises NotPermitted, NotFound, Refused (bad_end, too_long, too_many, nothing_chosen, override_overlaps).
    """
    freeze = wanted.kind == OverrideKind.FREEZE
    actor.require(Permission.SCHEDULE_EDIT if freeze else Permission.OVERRIDE_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        key = f"form/{actor.id}/{token}/{SET}" if token else None
        before = entry.sent_before(key)
        if before is not None:
            return _same(before, wanted, reason, token)
        target, parameters = proposal(wanted, actor=actor, now=now)
        return entry.enter(
            FREEZE if freeze else SET, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key
        )


def _same(before: Operation, wanted: Wanted, reason: str, token: str) -> Operation:
    """The operation of a form that came twice; raises TokenReused where it says something else now."""
    given = before.parameters
    first = (given["wish"], given["until"], given["resources"], given["project"], before.reason)
    ids = [str(one) for one in wanted.resources]
    if first != (str(wanted.wish), utc_text(wanted.until), ids, wanted.project, reason.strip()):
        raise TokenReused(token=token)
    return before


def proposal(wanted: Wanted, *, actor: Actor, now: datetime) -> tuple[OperationTarget, dict[str, Any]]:
    """The operation's target and parameters; nothing is stored. Raises as `enter_override`."""
    _check_times(wanted, now)
    rows = _rows_of(wanted)
    _check_frozen(wanted, now)
    _check_overlap(wanted, rows, now)
    names = [str(row) for row in rows[:10]] if wanted.resources else []
    parameters = {
        "kind": str(wanted.kind),
        "wish": str(wanted.wish),
        "scope": str(wanted.scope),
        "resources": [str(one) for one in wanted.resources],
        "names": names,
        "project": wanted.project,
        "schedule": str(wanted.schedule or ""),
        "since": utc_text(wanted.since) if wanted.since else "",
        "until": utc_text(wanted.until),
        "number": len(rows),
    }
    return _target(wanted, rows), parameters


def skip_next(resource_id: UUID, *, actor: Actor, now: datetime) -> Wanted:
    """What leaves out the next start or stop of a resource, and nothing else: alone from it to what is done after it.

    Raises NotPermitted, NotFound, Refused (nothing_to_skip).
    """
    actor.require(Permission.OVERRIDE_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row: Resource | None = (
            Resource.objects.filter(id=resource_id, gone_at__isnull=True).select_related("account").first()
        )
        if row is None:
            raise NotFound(type="resource", id=str(resource_id))
        duty = rules_at(now).duty(row)
        coming = [one for one in occurrences(duty, now, now + LONGEST) if one.suppressed is None]
        if not coming:
            raise Refused("nothing_to_skip", target=str(row))
        skipped = coming[0]
        until = next((one.at for one in coming if one.at > skipped.at), skipped.at + timedelta(days=1))
        return Wanted(State.ANY, until, skipped.at, (row.id,), kind=OverrideKind.SKIP)


def enter_end(override_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter the early end of an override: of every row that was entered with it. Raises NotPermitted, NotFound, Refused.

    What needed two people to begin, a freeze, needs two people to end.
    """
    actor.require(Permission.OVERRIDE_ENTER, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row: Override | None = Override.objects.filter(id=override_id).first()
        if row is None:
            raise NotFound(type="override", id=str(override_id))
        if row.ended_at is not None or row.until <= now:
            raise Refused("override_over")
        made = Operation.objects.filter(id=row.operation).first()
        target = OperationTarget("override", row.operation, made.target_name if made else "")
        kind = THAW if row.kind == OverrideKind.FREEZE else END
        return entry.enter(kind, target, {"operation": row.operation}, actor=actor, now=now, reason=reason)


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    names = ("kind", "wish", "scope", "names", "project", "since", "until", "number")
    return {"sentence": SET, "call": "", **{name: parameters[name] for name in names}}


def shown_end(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": END, "call": ""}


def apply_set(operation: Operation, now: datetime) -> dict[str, Any]:
    """Put the override in force and plan what it concerns, so that its first action falls due at once."""
    given = operation.parameters
    until = datetime.fromisoformat(given["until"])
    since = max(now, datetime.fromisoformat(given["since"])) if given["since"] else now
    if until <= since:
        raise Refused("bad_end")
    scope = Scope(given["scope"])
    each: Sequence[str | None] = given["resources"] if scope is Scope.RESOURCE else [None]
    rows = [
        Override(
            tenant_id=operation.tenant_id, kind=given["kind"], scope=str(scope),
            resource_id=UUID(one) if one else None, project=given["project"],
            schedule_id=UUID(given["schedule"]) if given["schedule"] else None, wish=given["wish"],
            since=since, until=until, reason=operation.reason, operation=str(operation.id),
            entered_by_id=operation.entered_by_id, entered_by_name=operation.entered_by_name,
            confirmed_by_id=operation.confirmed_by_id, confirmed_by_name=operation.confirmed_by_name,
            created_at=now,
        )
        for one in each
    ]  # fmt: skip
    one_at_a_time(operation.tenant_id)
    if scope is Scope.PROJECT and not is_there(given["project"]):
        raise StaleContent("project_changed")
    if _overlapping(scope, rows, since, until).exists():
        raise StaleContent("override_overlaps", target=operation.target_name)
    Override.objects.bulk_create(rows)
    return {"resources": _replan(rows, now)}


def one_at_a_time(tenant_id: UUID) -> None:
    """Until commit no other override of the tenant comes into force, and no project gets or loses its name: two that are the first of
    their thing would not see each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"override:{tenant_id}"])


def _overlapping(
    scope: Scope, rows: Sequence[Override], since: datetime, until: datetime
) -> QuerySet[Override]:
    """What holds already for the same thing at the same time; another entry may have been confirmed meanwhile."""
    live = Override.objects.filter(
        ended_at__isnull=True, until__gt=since, since__lt=until, scope=str(scope)
    ).select_for_update()
    found: QuerySet[Override] = (
        live.filter(resource_id__in=[row.resource_id for row in rows])
        if scope is Scope.RESOURCE
        else live.filter(project=rows[0].project, schedule_id=rows[0].schedule_id)
    )
    return found


def apply_end(operation: Operation, now: datetime) -> dict[str, Any]:
    """End every row of an entry now; what the schedule then wants falls due at once."""
    rows = list(
        Override.objects.filter(
            operation=operation.parameters["operation"], ended_at__isnull=True, until__gt=now
        ).select_for_update()
    )
    if not rows:
        raise Refused("override_over")
    for row in rows:
        row.ended_at, row.ended_by_name = now, operation.confirmed_by_name
    Override.objects.bulk_update(rows, ["ended_at", "ended_by_name"])
    return {"resources": _replan(rows, now)}


def _replan(rows: Sequence[Override], now: datetime) -> int:
    found = Resource.objects.filter(gone_at__isnull=True)
    scope = Scope(rows[0].scope)
    if scope is Scope.RESOURCE:
        found = found.filter(id__in=[row.resource_id for row in rows])
    elif scope is Scope.PROJECT:
        found = found.filter(project=rows[0].project)
    rules = rules_at(now)
    locked = found.select_related("account").select_for_update(of=("self",)).order_by("id")
    planned = list(locked)
    for row in planned:
        # From where its plan stood, but not from this very instant on, at which the override itself asks for something.
        plan(row, rules, since=min(row.planned_from or now, now - _MOMENT))
    write_rows(planned, PLAN_FIELDS)
    return len(planned)


def _check_times(wanted: Wanted, now: datetime) -> None:
    begin = max(wanted.since or now, now)
    if wanted.until <= begin:
        raise Refused("bad_end")
    if wanted.until - begin > LONGEST:
        raise Refused("too_long", days=LONGEST.days)


def _rows_of(wanted: Wanted) -> list[Resource]:
    if wanted.kind != OverrideKind.FREEZE and wanted.scope not in (Scope.RESOURCE, Scope.PROJECT):
        raise Refused("nothing_chosen")
    rows = Resource.objects.filter(gone_at__isnull=True).order_by("name", "id")
    if wanted.scope is Scope.RESOURCE:
        if len(wanted.resources) > AT_ONCE:
            raise Refused("too_many", limit=AT_ONCE)
        found = list(rows.filter(id__in=wanted.resources))
        if len(found) != len(set(wanted.resources)):
            raise NotFound(type="resource")
        return found
    if wanted.scope is Scope.PROJECT:
        found = list(rows.filter(project=wanted.project))
        if not is_there(wanted.project):
            raise NotFound(type="project", id=wanted.project)
        return found
    if wanted.schedule and not NamedSchedule.objects.filter(id=wanted.schedule).exists():
        raise NotFound(type="schedule", id=str(wanted.schedule))
    return list(rows)


def _check_frozen(wanted: Wanted, now: datetime) -> None:
    """What two people froze for everybody goes before an override, which would do nothing until then."""
    if wanted.kind != OverrideKind.OVERRIDE:
        return
    begin = max(wanted.since or now, now)
    freeze = Override.objects.filter(
        kind=OverrideKind.FREEZE, scope=Scope.TENANT, ended_at__isnull=True, since__lte=begin, until__gt=begin
    ).first()
    if freeze is not None:
        raise Refused("frozen", person=freeze.confirmed_by_name, until=freeze.until)


def _check_overlap(wanted: Wanted, rows: Sequence[Resource], now: datetime) -> None:
    """Two overrides of the same thing at the same time: nobody could say which one holds."""
    begin = max(wanted.since or now, now)
    live = Override.objects.filter(
        ended_at__isnull=True, until__gt=begin, since__lt=wanted.until, scope=str(wanted.scope)
    )
    if wanted.scope is Scope.RESOURCE:
        live = live.filter(resource_id__in=wanted.resources)
    else:
        live = live.filter(project=wanted.project, schedule_id=wanted.schedule)
    if (other := live.select_related("resource").first()) is not None:
        name = str(other.resource) if other.resource else other.project
        raise Refused("override_overlaps", target=name, until=utc_text(other.until))


def _target(wanted: Wanted, rows: Sequence[Resource]) -> OperationTarget:
    """An override as a target of its own, so that it never stands in the way of a start or stop."""
    if wanted.scope is Scope.RESOURCE:
        return OperationTarget("override", str(rows[0].id), str(rows[0]))
    if wanted.scope is Scope.PROJECT:
        return OperationTarget("override", digest({"project": wanted.project}), wanted.project)
    return OperationTarget("override", str(wanted.schedule or "tenant"), "")
