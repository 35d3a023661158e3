"""Entering, confirming and turning down: the moves that people make."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from medical_audit.domain.actor import Actor, ActorType, Reauthentication
from medical_audit.domain.canonical import digest
from medical_audit.domain.errors import NotPermitted, NotReauthenticated, Refused, StaleContent
from medical_audit.domain.kinds import Kind, OperationTarget, Policy, get_kind
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations.ledger import record_many
from medical_audit.operations.moves import event_of, finish, one_locked, save_moves
from medical_audit.tenancy import tenant_scope

REASON_MAX = 1000
NAME_MAX = 300


def content_digest(
    kind: str, target: OperationTarget, parameters: Mapping[str, Any], shown: Mapping[str, Any]
) -> str:
    """The hash of exactly what is shown, confirmed and executed."""
    return digest(
        {
            "kind": kind,
            "target": {"type": target.type, "id": target.id, "name": target.name, "lane": target.lane},
            "parameters": dict(parameters),
            "shown": dict(shown),
        }
    )


def digest_of(operation: Operation) -> str:
    """The digest of a row as it stands now: equal to `operation.digest`, unless somebody changed the row."""
    target = OperationTarget(
        operation.target_type, operation.target_id, operation.target_name, operation.lane
    )
    return content_digest(operation.kind, target, operation.parameters, operation.shown)


def draft(
    kind: Kind,
    target: OperationTarget,
    parameters: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
    due_at: datetime,
) -> Operation:
    """The unsaved row of an entry; raises Refused when the kind's preflight does."""
    target = replace(target, name=target.name[:NAME_MAX])
    clean = kind.clean(parameters)
    refusal = kind.refusal(target, clean)
    if refusal is not None:
        raise Refused(refusal, target=target.name or target.id, kind=kind.name)
    shown = kind.shown(target, clean)
    return Operation(
        id=uuid.uuid4(),
        tenant_id=actor.tenant_id,
        kind=kind.name,
        target_type=target.type,
        target_id=target.id,
        target_name=target.name,
        lane=target.lane,
        parameters=clean,
        shown=shown,
        digest=content_digest(kind.name, target, clean, shown),
        entered_by_type=actor.type,
        entered_by_id=actor.id,
        entered_by_name=actor.name,
        entered_at=now,
        due_at=due_at,
        deadline=due_at + kind.grace,
        approval_expires_at=now + kind.approval_ttl,
        policy=kind.policy,
        state=State.ENTERED,
    )


def enter(
    kind_name: str,
    target: OperationTarget,
    parameters: Mapping[str, Any],
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    dedupe_key: str | None = None,
) -> Operation:
    """Enter one action that waits for its confirmation.

    Raises NotPermitted, Refused (with the kind's own code, or `reason_missing`).
    """
    kind = get_kind(kind_name)
    actor.require(kind.enter_permission, actor.tenant_id)
    reason = _readable(reason)
    with tenant_scope(actor.tenant_id):
        operation = draft(kind, target, parameters, actor=actor, now=now, due_at=now)
        operation.reason, operation.dedupe_key = reason, dedupe_key
        operation.save(force_insert=True)
        event = event_of(
            operation, "operation.entered", actor=actor, now=now, reason=reason, digest=operation.digest
        )
        record_many(actor.tenant_id, [event])
    return operation


def confirm(
    operation_id: UUID, *, actor: Actor, now: datetime, seen_digest: str, proof: Reauthentication | None
) -> Operation:
    """確定: the confirmer, freshly re-authenticated, confirms exactly the content he was shown.

    Local kinds are applied in this same transaction; the others wait for a worker of their lane.
    Raises NotFound, NotPermitted, NotReauthenticated, StaleContent, AlreadyMoved.
    """
    with tenant_scope(actor.tenant_id):
        operation = one_locked(operation_id, State.ENTERED)
        kind = get_kind(operation.kind)
        check_confirmer(operation, kind, actor)
        _check_proof(proof, actor, now)
        if seen_digest != operation.digest or digest_of(operation) != operation.digest:
            raise StaleContent(id=str(operation.id))
        if now > operation.approval_expires_at:
            raise Refused("approval_expired", id=str(operation.id))
        operation.state = State.CONFIRMED
        operation.confirmed_by_id, operation.confirmed_by_name, operation.confirmed_at = (
            actor.id,
            actor.name,
            now,
        )
        operation.reauthentication = proof.method if proof else ""
        operation.authority = {"policy": str(operation.policy), "person": actor.name}
        operation.deadline, operation.work_at = now + kind.grace, now if operation.lane else None
        proved = {"digest": operation.digest, "reauthentication": operation.reauthentication}
        events = [event_of(operation, "operation.confirmed", actor=actor, now=now, **proved)]
        save_moves(actor.tenant_id, [operation], events)
        if kind.apply is not None:
            _apply(kind, operation, actor=actor, now=now)
    return operation


def refusal_to_confirm(operation: Operation, actor: Actor) -> str | None:
    """Why this actor may not confirm this operation (a code for the page), or None: the same rule confirm raises."""
    try:
        check_confirmer(operation, get_kind(operation.kind), actor)
    except NotPermitted as refused:
        return refused.code
    return None


def check_confirmer(operation: Operation, kind: Kind, actor: Actor) -> None:
    """Raise NotPermitted unless this person may confirm this operation: right, policy, and never a proxy himself."""
    actor.require(kind.confirm_permission, operation.tenant_id)
    if actor.type != ActorType.USER:
        raise NotPermitted("confirmer_not_a_person")
    same = actor.id == operation.entered_by_id
    if same and operation.on_behalf_of_id:
        raise NotPermitted("proxy_cannot_confirm")
    if same and operation.policy == Policy.OTHER:
        raise NotPermitted("another_person_must_confirm")


def reject(operation_id: UUID, *, actor: Actor, now: datetime, permission: str, reason: str) -> Operation:
    """差し戻し by someone who could have confirmed; the reason is kept. Raises NotFound, AlreadyMoved, NotPermitted."""
    actor.require(permission, actor.tenant_id)
    return _turn_down(operation_id, State.REJECTED, "operation.rejected", actor=actor, now=now, reason=reason)


def withdraw(operation_id: UUID, *, actor: Actor, now: datetime, reason: str = "") -> Operation:
    """取り下げ by the enterer himself, before it is confirmed."""
    return _turn_down(
        operation_id,
        State.WITHDRAWN,
        "operation.withdrawn",
        actor=actor,
        now=now,
        reason=reason,
        only_enterer=True,
    )


def cancel(operation_id: UUID, *, actor: Actor, now: datetime, permission: str, reason: str) -> Operation:
    """Stop a confirmed operation that no worker has begun."""
    actor.require(permission, actor.tenant_id)
    return _turn_down(
        operation_id,
        State.CANCELLED,
        "operation.cancelled",
        actor=actor,
        now=now,
        reason=reason,
        before=State.CONFIRMED,
    )


def _turn_down(
    operation_id: UUID,
    after: State,
    event: str,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    before: State = State.ENTERED,
    only_enterer: bool = False,
) -> Operation:
    reason = _readable(reason, required=not only_enterer)
    with tenant_scope(actor.tenant_id):
        operation = one_locked(operation_id, before)
        if only_enterer and actor.id != operation.entered_by_id:
            raise NotPermitted("only_the_enterer")
        finish(operation, after, str(after).lower(), now)
        save_moves(
            actor.tenant_id, [operation], [event_of(operation, event, actor=actor, now=now, reason=reason)]
        )
    return operation


def _readable(reason: str, *, required: bool = True) -> str:
    """The reason as it will stand in the ledger; raises Refused."""
    reason = reason.strip()
    if required and not reason:
        raise Refused("reason_missing")
    if len(reason) > REASON_MAX:
        raise Refused("reason_too_long", limit=REASON_MAX)
    return reason


def _apply(kind: Kind, operation: Operation, *, actor: Actor, now: datetime) -> None:
    """Carry out a local kind: RUNNING and SUCCEEDED inside the confirming transaction."""
    assert kind.apply is not None
    operation.state, operation.called_at, operation.attempts = State.RUNNING, now, 1
    called = event_of(operation, "operation.called", actor=actor, now=now)
    save_moves(operation.tenant_id, [operation], [called])
    detail = kind.apply(operation, now)
    finish(operation, State.SUCCEEDED, "applied", now, detail)
    save_moves(
        operation.tenant_id,
        [operation],
        [event_of(operation, "operation.succeeded", actor=actor, now=now, **detail)],
    )


def _check_proof(proof: Reauthentication | None, actor: Actor, now: datetime) -> None:
    valid = timedelta(seconds=settings.REAUTHENTICATION_VALID_S)
    if (
        proof is None
        or proof.user_id != actor.id
        or not now - valid <= proof.at <= now + timedelta(seconds=5)
    ):
        raise NotReauthenticated
