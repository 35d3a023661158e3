"""Entering, confirming and turning down: the moves that people make."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from medical_audit.domain.actor import Actor, Principal, Reauthentication, Subject
from medical_audit.domain.errors import NotPermitted, Refused, StaleContent
from medical_audit.domain.kinds import Kind, OperationTarget, Policy, content_digest, get_kind
from medical_audit.domain.personal import named
from medical_audit.domain.rights import OPERATION_CANCEL, OPERATION_REJECT, OWN_CHANGE
from medical_audit.domain.states import State
from medical_audit.models import Confirmation, Event, Operation
from medical_audit.operations.authorising import (
    check_confirmer,
    check_proof,
    live_delegation,
    policy_of,
    require_principal,
    standing_confirmations,
)
from medical_audit.operations.ledger import record_many
from medical_audit.operations.moves import event_of, finish, one_locked, save_moves
from medical_audit.queries.compared import digest_of
from medical_audit.queries.policies import policy_here
from medical_audit.tenancy import tenant_scope, within

REASON_MAX = 1000
NAME_MAX = 300
#: A proxy's entry waits this many escalation periods longer than others: for the principal, then for his deputies.
PROXY_PERIODS = 3
FIRST = "operation.half_confirmed"


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
    behalf: Principal | None = None,
    corrects: Operation | None = None,
) -> Operation:
    """Enter one action that waits for its confirmation, under the policy that the tenant holds for this kind.

    `behalf`: for whom (代行入力), which a live delegation must allow; `corrects`: the version that this one takes the place of.
    Raises NotPermitted (also no_delegation, principal_without_right), Refused (with the kind's own code, or `reason_missing`).
    """
    kind = get_kind(kind_name)
    actor.require(kind.enter_permission, actor.tenant_id)
    reason = _readable(reason)
    with tenant_scope(actor.tenant_id):
        operation = draft(kind, target, parameters, actor=actor, now=now, due_at=now)
        operation.reason, operation.dedupe_key = reason, dedupe_key
        operation.policy, operation.policy_role = policy_of(kind)
        if behalf is not None:
            _for_another(operation, kind, behalf, now)
        if corrects is not None:
            operation.corrects, operation.version = corrects.id, corrects.version + 1
            operation.digest = digest_of(operation)
        operation.save(force_insert=True)
        event = event_of(
            operation, "operation.entered", actor=actor, now=now, reason=reason, digest=operation.digest
        )
        record_many(actor.tenant_id, [event])
    return operation


def _for_another(operation: Operation, kind: Kind, behalf: Principal, now: datetime) -> None:
    """The principal, or after him his deputies, must have the time to confirm what somebody else entered."""
    delegation = live_delegation(operation.entered_by_id, behalf.id, kind.name, now)
    require_principal(operation.tenant_id, behalf.id, kind)
    operation.on_behalf_of_id, operation.on_behalf_of_name = behalf.id, delegation.principal_name
    hours = PROXY_PERIODS * policy_here().escalate_hours
    operation.approval_expires_at = now + kind.approval_ttl + timedelta(hours=hours)


def sent_before(key: str | None) -> Operation | None:
    """What a form that was sent once more entered the first time, in the bound tenant; `key`: its dedupe key, if it has one."""
    found: Operation | None = Operation.objects.filter(dedupe_key=key).first() if key else None
    return found


def confirm(
    operation_id: UUID,
    *,
    actor: Actor,
    now: datetime,
    seen_digest: str,
    proof: Reauthentication | None,
    deputy_reason: str = "",
) -> Operation:
    """確定: the confirmer, freshly re-authenticated, confirms exactly the content he was shown.

    With policy `two` the first of the two leaves it ENTERED. A deputy says why the principal does not (`deputy_reason`).
    Local kinds are applied in this same transaction; the others wait for a worker of their lane.
    Raises NotFound, NotPermitted, NotReauthenticated, StaleContent, AlreadyMoved, Refused (deputy_reason_missing).
    """
    with tenant_scope(actor.tenant_id):
        operation = one_locked(operation_id, State.ENTERED)
        kind = get_kind(operation.kind)
        standing = check_confirmer(operation, kind, actor, now=now)
        given = check_proof(proof, actor=actor, now=now)
        if seen_digest != operation.digest or digest_of(operation) != operation.digest:
            raise StaleContent(id=str(operation.id))
        if now > operation.approval_expires_at:
            raise Refused("approval_expired", id=str(operation.id))
        if standing.deputy_for and not deputy_reason.strip():
            raise Refused("deputy_reason_missing")
        why = deputy_reason.strip()[:REASON_MAX] if standing.deputy_for else ""
        proved: dict[str, object] = {
            "digest": operation.digest,
            "reauthentication": given.method,
            "deputy_for": standing.deputy_for,
        }
        proved |= {"provider": dict(given.claims)} if given.claims else {}
        if standing.first_of_two:
            _confirm_first(operation, actor, now, why, proved)
            return operation
        operation.state = State.CONFIRMED
        operation.confirmed_by_id, operation.confirmed_by_name, operation.confirmed_at = (
            actor.id,
            actor.name,
            now,
        )
        operation.reauthentication = given.method
        operation.authority = {"policy": str(operation.policy), "person": actor.name} | _more_authority(
            operation, kind, standing.deputy_for, why
        )
        operation.deadline, operation.work_at = now + kind.grace, now if operation.lane else None
        events = [event_of(operation, "operation.confirmed", actor=actor, now=now, reason=why, **proved)]
        save_moves(actor.tenant_id, [operation], events)
        if kind.apply is not None:
            _apply(kind, operation, actor=actor, now=now)
    return operation


def _confirm_first(
    operation: Operation, actor: Actor, now: datetime, why: str, proved: Mapping[str, Any]
) -> None:
    """The first of two: kept beside the operation, which goes on waiting for the second."""
    Confirmation(
        tenant_id=operation.tenant_id, operation=operation.id, person_id=actor.id, person_name=actor.name,
        digest=operation.digest, reauthentication=proved["reauthentication"], at=now,
    ).save(force_insert=True)  # fmt: skip
    draft = event_of(
        operation,
        FIRST,
        actor=actor,
        now=now,
        reason=why,
        target=operation.target_name or operation.target_id,
        **proved,
    )
    record_many(operation.tenant_id, [replace(draft, subject=Subject("user", actor.id, actor.name))])


def _more_authority(operation: Operation, kind: Kind, deputy_for: str, why: str) -> dict[str, Any]:
    """What a confirmation rests on besides the last person's name: who confirmed first, in whose place and why."""
    more: dict[str, Any] = {}
    if operation.policy == Policy.TWO:
        first = standing_confirmations(operation, kind)
        more["first"] = [one.person_name for one in first]
        more["role"] = operation.policy_role
        people = {operation.confirmed_by_id, *(one.person_id for one in first)}
        if operation.on_behalf_of_id and operation.on_behalf_of_id not in people and not deputy_for:
            deputy_for, why = operation.on_behalf_of_name, _why_in_place(operation)
    if deputy_for:
        more |= {"deputy_for": deputy_for, "deputy_reason": why}
    return more


def _why_in_place(operation: Operation) -> str:
    """Why the principal did not confirm, as the first of two said who did so in his place."""
    said = Event.objects.filter(kind=FIRST, operation_id=str(operation.id)).order_by("-ord")
    return next((str(one.said["reason"]) for one in said if one.said.get("reason")), "")


def right_to_reject(operation: Operation) -> str:
    """The right to send an entry back, which its kind may say."""
    return get_kind(operation.kind).reject_permission or OPERATION_REJECT


def refusal_to_reject(operation: Operation, actor: Actor) -> str | None:
    """Why this person may not send it back although he holds the right: what a kind says who sends back judges somebody's acts, and he
    whom it concerns neither signs nor hinders it."""
    kind = get_kind(operation.kind)
    if not kind.reject_permission:
        return None
    with within(operation.tenant_id):
        return kind.confirmer_refusal(operation, actor.id)


def reject(operation_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """差し戻し by someone who could have confirmed; the reason is kept. Raises NotFound, AlreadyMoved, NotPermitted."""
    return _turn_down(
        operation_id,
        State.REJECTED,
        "operation.rejected",
        actor=actor,
        now=now,
        reason=reason,
        right=right_to_reject,
    )


def withdraw(operation_id: UUID, *, actor: Actor, now: datetime, reason: str = "") -> Operation:
    """取り下げ by the enterer himself, before it is confirmed. Raises NotFound, AlreadyMoved, NotPermitted."""
    return _turn_down(
        operation_id,
        State.WITHDRAWN,
        "operation.withdrawn",
        actor=actor,
        now=now,
        reason=reason,
        right=lambda _one: OWN_CHANGE,
        only_enterer=True,
    )


def cancel(operation_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Stop a confirmed operation that no worker has begun. Raises NotFound, AlreadyMoved, NotPermitted."""
    return _turn_down(
        operation_id,
        State.CANCELLED,
        "operation.cancelled",
        actor=actor,
        now=now,
        reason=reason,
        right=lambda _one: OPERATION_CANCEL,
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
    right: Callable[[Operation], str],
    before: State = State.ENTERED,
    only_enterer: bool = False,
) -> Operation:
    reason = _readable(reason, required=not only_enterer)
    with tenant_scope(actor.tenant_id):
        operation = one_locked(operation_id, before)
        actor.require(right(operation), operation.tenant_id)
        if after == State.REJECTED and (code := refusal_to_reject(operation, actor)) is not None:
            raise NotPermitted(code)
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
    finish(operation, State.SUCCEEDED, "applied", now, named(detail))
    save_moves(
        operation.tenant_id,
        [operation],
        [event_of(operation, "operation.succeeded", actor=actor, now=now, **detail)],
    )
