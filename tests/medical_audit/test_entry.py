"""Entering, confirming and turning down: who may, with which reason, and what a stranger learns of it."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from accounts.domain.permissions import Role
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import (
    AlreadyMoved,
    NotFound,
    NotPermitted,
    Refused,
)
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.states import State
from medical_audit.models import Event, Operation
from medical_audit.operations import entry
from medical_audit.operations.authorising import refusal_to_confirm
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.medical_audit.desk import APPLY, OTHER, SELF, Desk

V, P, A, D, U = Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR
REJECT, CANCEL = "operation.reject", "operation.cancel"


def turn_down(verb: str, desk: Desk, operation_id: uuid.UUID, actor: Actor, reason: str = "no") -> Operation:
    now = desk.clock()
    if verb == "reject":
        return entry.reject(operation_id, actor=actor, now=now, reason=reason)
    if verb == "cancel":
        return entry.cancel(operation_id, actor=actor, now=now, reason=reason)
    if verb == "withdraw":
        return entry.withdraw(operation_id, actor=actor, now=now, reason=reason)
    return entry.confirm(operation_id, actor=actor, now=now, seen_digest="", proof=proof(actor, now))


@pytest.mark.parametrize(("kind", "allowed"), [(SELF, (P, A, D)), (OTHER, (P, A, D)), (APPLY, (D,))])
@pytest.mark.parametrize("role", Role)
def test_who_may_enter(kind: str, allowed: tuple[Role, ...], role: Role, desk: Desk) -> None:
    if role in allowed:
        assert desk.enter(kind, role).state == State.ENTERED
    else:
        with pytest.raises(NotPermitted, match="not_permitted"):
            desk.enter(kind, role)


#: (kind, who entered, who confirms) -> code of the refusal, or None.
CONFIRMERS = [
    *[(SELF, P, role, None) for role in (P, A, D)],
    *[(SELF, P, role, "not_permitted") for role in (V, U)],
    (OTHER, P, P, "another_person_must_confirm"),
    (OTHER, A, A, "another_person_must_confirm"),
    (OTHER, P, A, None),
    (OTHER, A, P, None),
    (OTHER, P, V, "not_permitted"),
    (APPLY, D, A, None),
    *[(APPLY, D, role, "not_permitted") for role in (V, P, D, U)],
]


@pytest.mark.parametrize(("kind", "enterer", "confirmer", "refusal"), CONFIRMERS)
def test_who_may_confirm(kind: str, enterer: Role, confirmer: Role, refusal: str | None, desk: Desk) -> None:
    operation = desk.enter(kind, enterer)
    actor = desk.actor(confirmer)
    assert refusal_to_confirm(operation, actor, now=desk.clock()) == refusal
    if refusal:
        with pytest.raises(NotPermitted) as raised:
            desk.confirm_as(operation, actor)
        assert raised.value.code == refusal
        assert desk.row(operation).state == State.ENTERED
    else:
        desk.confirm_as(operation, actor)
        row = desk.row(operation)
        assert (row.confirmed_by_id, row.confirmed_at, row.reauthentication) == (
            actor.id,
            desk.clock(),
            "password",
        )


@pytest.mark.parametrize(("verb", "allowed"), [("reject", (A, D)), ("cancel", (P, A, D))])
@pytest.mark.parametrize("role", Role)
def test_who_may_turn_down(verb: str, allowed: tuple[Role, ...], role: Role, desk: Desk) -> None:
    operation = desk.enter() if verb == "reject" else desk.confirm(desk.enter())
    if role in allowed:
        turn_down(verb, desk, operation.id, desk.actor(role))
        row = desk.row(operation)
        assert (row.state, row.work_at) == (State.REJECTED if verb == "reject" else State.CANCELLED, None)
        assert row.finished_at == desk.clock()
    else:
        with pytest.raises(NotPermitted):
            turn_down(verb, desk, operation.id, desk.actor(role))


@pytest.mark.parametrize("role", [role for role in Role if role != P])
def test_only_the_enterer_withdraws(role: Role, desk: Desk) -> None:
    operation = desk.enter(OTHER, P)
    with pytest.raises(NotPermitted, match="only_the_enterer"):
        turn_down("withdraw", desk, operation.id, desk.actor(role))
    turn_down("withdraw", desk, operation.id, desk.actor(P))
    assert desk.row(operation).state == State.WITHDRAWN


VERBS = ("confirm", "reject", "withdraw", "cancel")


@pytest.mark.parametrize("verb", VERBS)
def test_another_tenants_operation_and_a_missing_one_are_the_same(verb: str, desk: Desk) -> None:
    """The stranger holds every right, in his own tenant."""
    operation, stranger = desk.enter(), desk.cast.stranger_actor
    told = []
    for operation_id in (operation.id, uuid.uuid4()):
        with pytest.raises(NotFound) as raised:
            turn_down(verb, desk, operation_id, stranger)
        told.append((raised.value.code, sorted(raised.value.params)))
    assert told[0] == told[1]
    assert desk.row(operation).state == State.ENTERED


@pytest.mark.parametrize("role", [P, A])
def test_an_actor_of_another_tenant_who_claims_this_one_gains_nothing(role: Role, desk: Desk) -> None:
    """A forged tenant in the actor is bound, but rights are per tenant: the permission stands, the person does not."""
    with pytest.raises(NotPermitted):
        desk.cast.stranger_actor.require("power.enter", desk.tenant_id)
    assert not desk.actor(role).may("power.enter", desk.cast.other_tenant.id)


def test_the_clock_cannot_confirm(desk: Desk) -> None:
    operation = desk.enter()
    clockwork = replace(desk.clockwork(), permissions=frozenset({"power.confirm"}))
    with pytest.raises(NotPermitted, match="confirmer_not_a_person"):
        desk.confirm_as(operation, clockwork)


@pytest.mark.parametrize(
    ("reason", "code"),
    [("", "reason_missing"), (" \n\u3000", "reason_missing"), ("x" * 1001, "reason_too_long")],
)
def test_a_reason_must_be_given_and_readable(reason: str, code: str, desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        desk.enter(reason=reason)
    assert refused.value.code == code
    waiting, confirmed = desk.enter(), desk.confirm(desk.enter())
    for verb, operation in (("reject", waiting), ("cancel", confirmed)):
        with pytest.raises(Refused) as refused:
            turn_down(verb, desk, operation.id, desk.actor(A), reason)
        assert refused.value.code == code
        assert desk.row(operation).state == operation.state


def test_a_reason_stands_in_the_ledger_word_for_word(desk: Desk) -> None:
    operation = desk.enter(reason=" 保守のため\n" + "x" * 900)
    turn_down("reject", desk, operation.id, desk.actor(A), "y" * 1000)
    with tenant_scope(desk.tenant_id):
        bodies = list(
            Event.objects.filter(operation_id=str(operation.id))
            .order_by("ord")
            .values_list("body", flat=True)
        )
    assert '"reason":"保守のため\\n' + "x" * 900 + '"' in bodies[0]
    assert '"reason":"' + "y" * 1000 + '"' in bodies[1]


def test_a_withdrawal_needs_no_reason(desk: Desk) -> None:
    operation = desk.enter()
    turn_down("withdraw", desk, operation.id, desk.actor(P), "")
    assert desk.story(operation) == ["entered", "withdrawn"]


def test_a_kind_says_why_something_cannot_be_entered(desk: Desk) -> None:
    with pytest.raises(Refused, match="gone"):
        desk.enter(target=desk.target(refused="gone"))


def test_a_kind_nobody_declared_cannot_be_entered(desk: Desk) -> None:
    with pytest.raises(Refused, match="unknown_kind"):
        desk.enter("test.nobody")


def test_a_very_long_name_can_still_be_confirmed(desk: Desk) -> None:
    operation = desk.enter(target=OperationTarget("ec2", "i-1", "長" * 400, desk.lane))
    assert operation.target_name == "長" * 300
    assert desk.confirm(operation).state == State.CONFIRMED


@pytest.mark.parametrize("verb", VERBS)
def test_what_has_moved_on_cannot_be_moved_again(verb: str, desk: Desk) -> None:
    operation = desk.enter()
    turn_down("withdraw", desk, operation.id, desk.actor(P))
    actor = desk.actor(P) if verb == "withdraw" else desk.actor(A)
    with pytest.raises(AlreadyMoved):
        turn_down(verb, desk, operation.id, actor)
    assert desk.story(operation) == ["entered", "withdrawn"]
