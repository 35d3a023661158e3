"""The emergency right: asked for with a reason, opened by a second person, closed by itself, reviewed afterwards."""

import uuid
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from medical_audit.domain.actor import Actor, ActorType, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.emergencies import LONGEST, OPEN, SHORTEST, Closing
from medical_audit.domain.errors import AlreadyMoved, NotFound, NotPermitted, Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.people import directory
from medical_audit.domain.rights import EMERGENCY_ASK, EMERGENCY_OPEN, OWN_CHANGE, REVIEW
from medical_audit.models import Emergency, Operation
from medical_audit.operations import entry
from medical_audit.operations.ledger import record
from medical_audit.queries.emergencies import get_emergency
from medical_audit.tenancy import tenant_scope

EXAMINE = "emergency.review"


def enter_open(person_id: str, minutes: int, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Ask for the emergency right for a person of the tenant, mostly oneself; another person opens it by confirming.

    Raises NotPermitted, NotFound (no such member), Refused (emergency_for_one_person, bad_parameter, emergency_open, reason_missing).
    """
    actor.require(EMERGENCY_ASK, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        found = [one for one in directory().members(actor.tenant_id) if one.id == person_id]
        if not found:
            raise NotFound(type="user")
        if not found[0].for_emergencies:
            raise Refused("emergency_for_one_person")
        if not SHORTEST <= minutes <= LONGEST:
            raise Refused("bad_parameter", name="minutes", allowed=f"{SHORTEST}-{LONGEST}")
        if Emergency.objects.filter(person_id=person_id, closed_at__isnull=True).exists():
            raise Refused("emergency_open")
        target = OperationTarget("user", person_id, found[0].name)
        parameters = {"minutes": minutes, "person_name": found[0].name}
        return entry.enter(OPEN, target, parameters, actor=actor, now=now, reason=reason)


def apply_open(operation: Operation, now: datetime) -> dict[str, Any]:
    """Open from this moment on; the sweeper closes it, and past its time it gives no right even unswept.

    Raises Refused (emergency_open, and emergency_for_one_person of an account that became no one person's meanwhile).
    """
    people = directory().members(operation.tenant_id)
    if any(not one.for_emergencies for one in people if one.id == operation.target_id):
        raise Refused("emergency_for_one_person")
    minutes = int(operation.parameters["minutes"])
    opened, made = Emergency.objects.get_or_create(
        tenant_id=operation.tenant_id,
        person_id=operation.target_id,
        closed_at=None,
        defaults={
            "id": uuid.uuid4(), "person_name": operation.target_name, "reason": operation.reason,
            "asked_by_name": operation.entered_by_name, "opened_by_id": operation.confirmed_by_id,
            "opened_by_name": operation.confirmed_by_name, "opened_at": now, "closes_at": now + timedelta(minutes=minutes),
            "operation": str(operation.id),
        },
    )  # fmt: skip
    if not made:
        raise Refused("emergency_open")
    told: dict[str, object] = {
        "emergency": str(opened.id),
        "closes_at": utc_text(opened.closes_at),
        "minutes": minutes,
    }
    confirmer = Actor(
        operation.tenant_id, ActorType.USER, operation.confirmed_by_id, operation.confirmed_by_name
    )
    record(
        "emergency.opened", actor=confirmer, subject=Subject("user", opened.person_id, opened.person_name), now=now,
        operation_id=str(operation.id), reason=operation.reason, detail=told,
    )  # fmt: skip
    return told


def refusal_to_open(operation: Operation, person_id: str) -> str | None:
    """Nobody opens it for himself, whoever asked."""
    return "opens_for_himself" if operation.target_id == person_id else None


def close(emergency_id: UUID, *, actor: Actor, now: datetime) -> Emergency:
    """Give it back before its time: the person himself, or who may open one. Raises NotPermitted, NotFound, AlreadyMoved."""
    with tenant_scope(actor.tenant_id):
        row = get_emergency(emergency_id, actor=actor)
        actor.require(OWN_CHANGE if actor.id == row.person_id else EMERGENCY_OPEN, actor.tenant_id)
        return _close(row, Closing.HAND, actor=actor, now=now)


def close_overdue(tenant_id: UUID, *, actor: Actor, now: datetime) -> int:
    """Close those whose time is over."""
    with tenant_scope(tenant_id):
        rows = list(Emergency.objects.filter(closed_at__isnull=True, closes_at__lte=now))
        for row in rows:
            _close(row, Closing.TIME, actor=actor, now=now)
    return len(rows)


def _close(row: Emergency, closing: Closing, *, actor: Actor, now: datetime) -> Emergency:
    ends = min(now, row.closes_at)
    if not Emergency.objects.filter(id=row.id, closed_at__isnull=True).update(
        closed_at=ends, closing=closing
    ):
        raise AlreadyMoved(state="closed")
    row.closed_at, row.closing = ends, closing
    detail: dict[str, object] = {"closing": str(closing), "emergency": str(row.id)}
    subject = Subject("user", row.person_id, row.person_name)
    record("emergency.closed", actor=actor, subject=subject, now=now, detail=detail)
    return row


def enter_review(emergency_id: UUID, verdict: str, *, actor: Actor, now: datetime) -> Operation:
    """Say what the review of an opening found; another person confirms it.

    Raises NotPermitted (own_act), NotFound, AlreadyMoved (reviewed), Refused (emergency_still_open, findings_missing).
    """
    with tenant_scope(actor.tenant_id):
        row = get_emergency(emergency_id, actor=actor)
        actor.require(REVIEW, actor.tenant_id)
        if row.reviewed_at is not None:
            raise AlreadyMoved(state="reviewed")
        if row.closed_at is None and row.closes_at > now:
            raise Refused("emergency_still_open")
        if _concerns(row.tenant_id, row.person_id, actor.id):
            raise NotPermitted("own_act")
        if not verdict.strip():
            raise Refused("findings_missing")
        parameters = {
            "emergency": str(row.id), "person_name": row.person_name, "opened_by_name": row.opened_by_name,
            "findings": verdict.strip(),
        }  # fmt: skip
        target = OperationTarget("user", row.person_id, row.person_name)
        return entry.enter(
            EXAMINE, target, parameters, actor=actor, now=now, reason=verdict.strip()[:500]
        )  # fmt: skip


def refusal_to_review(operation: Operation, person_id: str) -> str | None:
    """He who held the right, or asked for the envelope that did, does not sign its review."""
    concerned = _concerns(operation.tenant_id, operation.target_id, person_id)
    return "signer_concerned" if concerned else None


def _concerns(tenant_id: UUID, held_by: str, person_id: str) -> bool:
    return held_by == person_id or bool(directory().in_hands_of(tenant_id, person_id, [held_by]))


def apply_review(operation: Operation, now: datetime) -> dict[str, Any]:
    done = Emergency.objects.filter(id=operation.parameters["emergency"], reviewed_at__isnull=True).update(
        reviewed_at=now, reviewed_by_name=operation.confirmed_by_name, verdict=operation.parameters["findings"],
        review_operation=str(operation.id),
    )  # fmt: skip
    if not done:
        raise AlreadyMoved(state="reviewed")
    return {"emergency": operation.parameters["emergency"]}
