"""Taking a schedule off the lists, and back: entered, confirmed by another person, refused while anything follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.models import Assignment, NamedSchedule, Resource, Revision
from infra.operations.plans import replan
from infra.operations.publishing import followers, target_of_schedule
from infra.queries.rules import rules_at
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

ARCHIVE, RESTORE = "schedule.archive", "schedule.restore"
NAMES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class InTheWay:
    """What still follows a schedule: its assignments, and the first resources by name of how many there are."""

    assignments: Sequence[Assignment]
    names: Sequence[str]
    resources: int

    def __bool__(self) -> bool:
        return bool(self.assignments or self.resources)

    @property
    def more(self) -> int:
        return self.resources - len(self.names)


def in_the_way(schedule: NamedSchedule) -> InTheWay:
    """Needs the tenant bound."""
    revisions = Revision.objects.filter(schedule=schedule).values("id")
    following = Resource.objects.filter(schedule_revision__in=revisions, gone_at__isnull=True)
    assigned = Assignment.objects.filter(schedule=schedule).select_related("resource")
    return InTheWay(
        list(assigned.order_by("scope", "project")),
        [str(one) for one in following.order_by("name", "id")[:NAMES_SHOWN]],
        following.count(),
    )


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
    before = rules_at(now)
    schedule.archived_at = now if archived else None
    schedule.save(update_fields=["archived_at"])
    if not archived:
        # Tags may name it by now.
        after = rules_at(now)
        replan(followers(after, schedule.id, lock=True), before, after, now=now)
    return {"archived": archived}


def _refuse_in_use(kind: str, schedule: NamedSchedule) -> None:
    if kind != ARCHIVE:
        return
    if found := in_the_way(schedule):
        raise Refused("schedule_in_use", name=schedule.name, number=len(found.assignments) + found.resources)
