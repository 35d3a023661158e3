"""Who follows which schedule: a resource, a project, or the tenant's default; confirmed by another person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.models import Assignment, NamedSchedule, Resource
from infra.models.schedule import Scope
from infra.operations.overriding import one_at_a_time
from infra.operations.plans import replan
from infra.queries.forecast import forecast, shown_at_once
from infra.queries.projects import is_there
from infra.queries.rules import SNAPSHOT_OF_CLUSTER, Followed, Rules, refused_stop, rules_at
from medical_audit.domain.actor import Actor
from medical_audit.domain.canonical import digest
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

KIND = "schedule.assign"
SCOPES = (Scope.RESOURCE, Scope.PROJECT, Scope.TENANT)


def proposal(
    scope: Scope, key: str, schedule_id: UUID | None, *, actor: Actor, now: datetime
) -> tuple[OperationTarget, dict[str, Any]]:
    """What an assignment would be; key: a resource's id, a project's name, or "" for the tenant. None takes it away.

    Raises NotPermitted, NotFound, Refused (nothing_changed, not_published, snapshot_of_cluster, unsupported_*).
    """
    actor.require(Permission.SCHEDULE_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        target = _target(scope, key, taken=schedule_id is None)
        rules = rules_at(now)
        before = rules.assigned.get((str(scope), key))
        if before == schedule_id:
            raise Refused("nothing_changed", name=target.name)
        if schedule_id is not None and schedule_id not in rules.published:
            if not NamedSchedule.objects.filter(id=schedule_id).exists():
                raise NotFound(type="schedule", id=str(schedule_id))
            raise Refused("not_published")
        names = {one: found.named.name for one, found in rules.published.items()}
        after = rules.with_assignment(scope, key, schedule_id)
        if schedule_id is not None:
            _refuse_unsupported(after, scope, key, schedule_id)
        return target, {
            "scope": str(scope),
            "key": key,
            "schedule": str(schedule_id or ""),
            "schedule_name": names.get(schedule_id, "") if schedule_id else "",
            "replaces": str(before or ""),
            "replaces_name": names.get(before, "") if before else "",
            "forecast": forecast(rules, after, _rows(scope, key), now=now).as_json(),
        }


def _refuse_unsupported(after: Rules, scope: Scope, key: str, schedule_id: UUID) -> None:
    """What a schedule asks for and AWS does not do for these: said before it is entered, with their names."""
    refused: dict[str, list[str]] = {}
    for row in _rows(scope, key):
        found = after.followed(row)
        if isinstance(found, Followed) and found.named is not None and found.named.id == schedule_id:
            refused.setdefault(refused_stop(row, found.schedule), []).append(str(row))
    if names := refused.get(SNAPSHOT_OF_CLUSTER):
        raise Refused(SNAPSHOT_OF_CLUSTER, names=", ".join(sorted(names)[:10]))
    if scope is Scope.RESOURCE and (why := next(filter(None, refused), "")):
        raise Refused(f"unsupported_{why}", target=refused[why][0])


def enter_assign(
    scope: Scope, key: str, schedule_id: UUID | None, *, actor: Actor, now: datetime, reason: str
) -> Operation:
    """Enter it. Raises as `proposal` and `entry.enter`."""
    with tenant_scope(actor.tenant_id):
        target, parameters = proposal(scope, key, schedule_id, actor=actor, now=now)
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason)


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    names = ("scope", "schedule_name", "replaces_name", "forecast")
    return {"sentence": KIND, "call": "", **{name: parameters[name] for name in names}}


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Write the assignment and plan what it concerns anew, from now on. Raises StaleContent if it changed meanwhile."""
    given = operation.parameters
    scope, key = Scope(given["scope"]), given["key"]
    where = {
        "scope": str(scope),
        "resource_id": UUID(key) if scope is Scope.RESOURCE else None,
        "project": key if scope is Scope.PROJECT else "",
    }
    if scope is Scope.PROJECT:
        one_at_a_time(operation.tenant_id)
        if given["schedule"] and not is_there(key):
            raise StaleContent("project_changed")
    row = Assignment.objects.filter(**where).select_for_update().first()
    if str(row.schedule_id if row else "") != given["replaces"]:
        raise StaleContent("assigned_meanwhile", name=operation.target_name)
    # Held until commit, so that it is not archived at the same moment.
    list(NamedSchedule.objects.filter(id=given["schedule"] or None).select_for_update())
    before = rules_at(now)
    if given["schedule"] and UUID(given["schedule"]) not in before.published:
        raise StaleContent("not_published", name=given["schedule_name"])
    if not given["schedule"]:
        Assignment.objects.filter(**where).delete()
    else:
        row = row or Assignment(tenant_id=operation.tenant_id, **where)
        row.schedule_id, row.operation, row.confirmed_at = UUID(given["schedule"]), str(operation.id), now
        row.confirmed_by_id, row.confirmed_by_name = operation.confirmed_by_id, operation.confirmed_by_name
        row.save()
    rows = _rows(scope, key).select_for_update(of=("self",))
    planned = replan(rows, before, rules_at(now), now=now, at_once=shown_at_once(given["forecast"]))
    return {"before": given["replaces_name"], "after": given["schedule_name"], "resources": planned}


def _target(scope: Scope, key: str, *, taken: bool) -> OperationTarget:
    """An assignment as a target of its own, so that it never stands in the way of a start or stop. One that hangs on a project's name
    can be taken away also where nothing has that name any more."""
    if scope is Scope.RESOURCE:
        row = Resource.objects.filter(id=key, gone_at__isnull=True).first()
        if row is None:
            raise NotFound(type="resource", id=key)
        return OperationTarget("assignment", str(row.id), str(row))
    if scope is Scope.PROJECT:
        left = taken and Assignment.objects.filter(scope=str(scope), project=key).exists()
        if not key or not (left or is_there(key)):
            raise NotFound(type="project", id=key)
        return OperationTarget("assignment", digest({"project": key}), key)
    return OperationTarget("assignment", "tenant", "")


def _rows(scope: Scope, key: str) -> Any:
    rows = Resource.objects.filter(gone_at__isnull=True).select_related("account").order_by("id")
    if scope is Scope.RESOURCE:
        return rows.filter(id=key)
    return rows.filter(project=key) if scope is Scope.PROJECT else rows
