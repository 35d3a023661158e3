"""Declaring projects: whose each is and which resources it takes; confirmed by another person, because schedules follow projects."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from accounts.domain.permissions import Permission
from infra.domain.projects import NAME_MAX, ProjectRule, clean_values, is_key, project_of
from infra.models import Project, Resource
from infra.operations.overriding import one_at_a_time
from infra.queries.projects import END, SET, hanging_on, project_rules
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

OWNER_MAX = 200
#: So many of the resources that change their project are named; the rest is counted.
NAMED = 20
RULED = ("name", "owner", "tag_key", "tag_values")


def enter_project(
    name: str,
    owner: str,
    tag_key: str,
    tag_values: Sequence[str],
    *,
    project_id: UUID | None = None,
    actor: Actor,
    now: datetime,
    reason: str,
) -> Operation:
    """Enter a project, or (`project_id`) what is to hold of one. What changes its project by it is named in the entry.

    Raises NotPermitted, NotFound, Refused (bad_name, bad_parameter, project_name_taken, project_holds, nothing_changed).
    """
    actor.require(Permission.SCHEDULE_EDIT, actor.tenant_id)
    after = _read(name, owner, tag_key, tag_values)
    with tenant_scope(actor.tenant_id):
        row = _row(project_id) if project_id else None
        before = {one: getattr(row, one) for one in RULED} if row else {}
        if before == after:
            raise Refused("nothing_changed")
        if Project.objects.filter(name=after["name"]).exclude(id=row.id if row else None).exists():
            raise Refused("project_name_taken")
        if row is not None and row.name != after["name"] and (held := hanging_on(row.name, now).count):
            raise Refused("project_holds", name=row.name, number=held)
        parameters = {**after, "before": before, **_moved(_rules_with(before.get("name", ""), after))}
        target = OperationTarget("project", str(row.id if row else uuid.uuid4()), after["name"])
        return entry.enter(SET, target, parameters, actor=actor, now=now, reason=reason)


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": SET, "call": "", **parameters}


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """It holds from the next look at AWS on, which sorts every resource anew.

    Raises StaleContent: project_changed, also where it would take other resources than its confirmer was shown; project_holds.
    """
    given = operation.parameters
    one_at_a_time(operation.tenant_id)
    row: Project | None = Project.objects.filter(id=operation.target_id).select_for_update().first()
    before = {one: getattr(row, one) for one in RULED} if row else {}
    taken = Project.objects.filter(name=given["name"]).exclude(id=operation.target_id).exists()
    if before != given["before"] or taken:
        raise StaleContent("project_changed")
    if row is not None and row.name != given["name"]:
        _refuse_held(row.name, now)
    _refuse_moved(_rules_with(row.name if row else "", given), given)
    row = row or Project(tenant_id=operation.tenant_id, id=UUID(operation.target_id))
    for name in RULED:
        setattr(row, name, given[name])
    row.operation, row.confirmed_by_name, row.changed_at = (
        str(operation.id),
        operation.confirmed_by_name,
        now,
    )
    try:
        row.save()
    except IntegrityError as error:
        # Two of one name confirmed at one instant: neither saw the other, and the second finds the name taken.
        if "project_name_once" not in str(error):
            raise
        raise StaleContent("project_changed") from error
    return {"count": given["count"]}


def enter_end(project_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that a project takes no resources by its rule any more. Raises NotPermitted, NotFound, Refused (project_holds)."""
    actor.require(Permission.SCHEDULE_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _row(project_id)
        if held := hanging_on(row.name, now).count:
            raise Refused("project_holds", name=row.name, number=held)
        parameters = {**{one: getattr(row, one) for one in RULED}, **_moved(_rules_with(row.name, None))}
        target = OperationTarget("project", str(row.id), row.name)
        return entry.enter(END, target, parameters, actor=actor, now=now, reason=reason)


def shown_end(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": END, "call": "", **parameters}


def apply_end(operation: Operation, now: datetime) -> dict[str, Any]:
    """Raises StaleContent where it is gone, no longer what the confirmer was shown, or something hangs on its name by now."""
    one_at_a_time(operation.tenant_id)
    row: Project | None = Project.objects.filter(id=operation.target_id).select_for_update().first()
    if row is None:
        raise StaleContent("already_moved")
    if any(getattr(row, one) != operation.parameters[one] for one in RULED):
        raise StaleContent("project_changed")
    _refuse_held(row.name, now)
    _refuse_moved(_rules_with(row.name, None), operation.parameters)
    row.delete()
    return {"name": operation.parameters["name"]}


def _rules_with(before: str, after: Mapping[str, Any] | None) -> list[ProjectRule]:
    """The tenant's rules with this one (None: none) in the place of the one that is named `before` ("": of none)."""
    rules = [one for one in project_rules() if one.name != before]
    return (
        rules
        if after is None
        else [*rules, ProjectRule(after["name"], after["tag_key"], tuple(after["tag_values"]))]
    )


def _refuse_held(name: str, now: datetime) -> None:
    if held := hanging_on(name, now).count:
        raise StaleContent("project_holds", name=name, number=held)


def _refuse_moved(rules: Sequence[ProjectRule], given: Mapping[str, Any]) -> None:
    if _moved(rules) != {"count": given["count"], "names": given["names"]}:
        raise StaleContent("project_changed")


def _moved(rules: Sequence[ProjectRule]) -> dict[str, Any]:
    """Which resources would belong elsewhere: their number, and the names of the first ones with where they go."""
    ordered = sorted(rules, key=lambda one: one.name)
    here = Resource.objects.filter(gone_at__isnull=True).order_by("name", "id")
    moved = [
        (row.name or row.aws_id, row.project, then)
        for row in here.only("name", "aws_id", "project", "tags")
        if (then := project_of(row.tags, ordered)) != row.project
    ]
    names = [f"{name} ({was or '—'} → {then or '—'})" for name, was, then in moved[:NAMED]]
    return {"count": len(moved), "names": names}


def _read(name: str, owner: str, tag_key: str, tag_values: Sequence[str]) -> dict[str, Any]:
    name, owner, tag_key = name.strip(), owner.strip(), tag_key.strip()
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise Refused("bad_name", name=name[:100])
    if not 1 <= len(owner) <= OWNER_MAX or not owner.isprintable():
        raise Refused("bad_parameter", name="owner", allowed=f"1-{OWNER_MAX}")
    values = clean_values(tag_values)
    if not is_key(tag_key):
        raise Refused("bad_parameter", name="tag_key", allowed="Project, Application, ...")
    if values is None:
        raise Refused("bad_parameter", name="tag_values", allowed="ehr, ehr-*")
    return {"name": name, "owner": owner, "tag_key": tag_key, "tag_values": values}


def _row(project_id: UUID) -> Project:
    row: Project | None = Project.objects.filter(id=project_id).first()
    if row is None:
        raise NotFound(type="project")
    return row
