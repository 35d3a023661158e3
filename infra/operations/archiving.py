"""Taking a schedule off the lists, and back: entered, confirmed by another person, refused while anything follows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.models import Assignment, NamedSchedule, Resource, Revision
from infra.operations.publishing import target_of_schedule
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

ARCHIVE, RESTORE = "schedule.archive", "schedule.restore"
NAMES_SHOWN = 50


def in_the_way(schedule: NamedSchedule) -> tuple[list[str], int]:
    """What still follows a schedule, by name, at most 50 of them, and how many there are. Needs the tenant bound."""
    revisions = Revision.objects.filter(schedule=schedule).values("id")
    following = Resource.objects.filter(schedule_revision__in=revisions, gone_at__isnull=True).order_by(
        "name", "id"
    )
    assigned = list(
        Assignment.objects.filter(schedule=schedule).select_related("resource").order_by("scope", "project")
    )
    names = [str(one.resource) if one.resource else one.project for one in assigned]
    count = len(assigned) + following.count()
    return [*names, *(str(one) for one in following[:NAMES_SHOWN])][:NAMES_SHOWN], count


def enter_archive(schedule_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that a schedule is archived. Raises NotPermitted, NotFound, Refused (schedule_in_use)."""
    return _enter(ARCHIVE, schedule_id, actor=actor, now=now, reason=reason)


def enter_restore(schedule_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that an archived schedule comes back. Raises NotPermitted, NotFound."""
    return _enter(RESTORE, schedule_id, actor=actor, now=now, reason=reason)


def _enter(kind: str, schedule_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    actor.require(Permission.SCHEDULE_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        archived = kind == RESTORE
        schedule: NamedSchedule | None = NamedSchedule.objects.filter(
            id=schedule_id, archived_at__isnull=not archived
        ).first()
        if schedule is None:
            raise NotFound(type="schedule", id=str(schedule_id))
        _refuse_in_use(kind, schedule)
        return entry.enter(
            kind, target_of_schedule(schedule), {"name": schedule.name}, actor=actor, now=now, reason=reason
        )


def shown_archive(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": ARCHIVE, "call": "", **parameters}


def shown_restore(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": RESTORE, "call": "", **parameters}


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Write it. Raises Refused (schedule_in_use) where something follows by now, StaleContent where it is so already."""
    schedule = NamedSchedule.objects.select_for_update().get(id=UUID(operation.target_id))
    archived = operation.kind == ARCHIVE
    if (schedule.archived_at is not None) == archived:
        raise StaleContent("nothing_changed", name=schedule.name)
    _refuse_in_use(operation.kind, schedule)
    schedule.archived_at = now if archived else None
    schedule.save(update_fields=["archived_at"])
    return {"archived": archived}


def _refuse_in_use(kind: str, schedule: NamedSchedule) -> None:
    if kind != ARCHIVE:
        return
    names, count = in_the_way(schedule)
    if count:
        raise Refused("schedule_in_use", name=schedule.name, number=count, names=", ".join(names))
