"""`two of role`: two distinct people of one role, neither of them who entered it; and what a tenant may ask for."""

from __future__ import annotations

import uuid

import pytest
from django.db import DatabaseError

from accounts.domain.permissions import Role
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.domain.states import State
from medical_audit.models import Confirmation, ConfirmPolicy, Operation
from medical_audit.operations import confirm_policies
from medical_audit.operations.authorising import refusal_to_confirm
from medical_audit.tenancy import tenant_scope
from tests.factories import MONDAY_0830, change, grant, make_cast, make_person, revoke
from tests.forging import move
from tests.medical_audit.desk import OTHER, SELF, Desk, make_desk
from tests.medical_audit.support import plant

O, A, D = Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR  # noqa: E741


@pytest.fixture
def desk(django_db_setup: None) -> Desk:
    """A tenant that asks for two approvers where another person would do."""
    made = make_desk(make_cast())
    plant(
        ConfirmPolicy(
            tenant_id=made.tenant_id,
            kind=OTHER,
            policy="two",
            role="approver",
            operation="",
            changed_at=MONDAY_0830,
        )
    )
    return made


def another_approver(desk: Desk) -> Actor:
    person = make_person("second")
    grant(desk.tenant_id, person, A)
    desk.cast.people[Role.VIEWER] = person
    return desk.actor(Role.VIEWER)


def test_it_takes_two_and_the_ledger_names_both(desk: Desk) -> None:
    second, operation = another_approver(desk), desk.enter()
    assert (operation.policy, operation.policy_role) == ("two", "approver")
    assert desk.confirm(operation).state == State.ENTERED
    confirmed = desk.confirm_as(operation, second)
    assert confirmed.state == State.CONFIRMED
    assert (confirmed.confirmed_by_name, confirmed.authority["first"]) == ("second", ["approver"])
    assert desk.story(operation) == ["entered", "half_confirmed", "confirmed"]
    desk.drain()
    assert desk.outside.called() == [operation.target_id]


def test_the_same_person_does_not_count_twice(desk: Desk) -> None:
    operation = desk.enter()
    desk.confirm(operation)
    with pytest.raises(NotPermitted, match="confirmed_by_you_already"):
        desk.confirm(operation)
    assert desk.row(operation).state == State.ENTERED


def test_neither_may_have_entered_it_and_both_hold_the_role(desk: Desk) -> None:
    own = desk.enter(role=A)
    with pytest.raises(NotPermitted, match="another_person_must_confirm"):
        desk.confirm(own)
    with pytest.raises(NotPermitted, match="confirmer_lacks_the_role"):
        desk.confirm(own, D)
    actor = desk.actor(D)
    with tenant_scope(desk.tenant_id):
        assert refusal_to_confirm(own, actor, now=desk.clock()) == "confirmer_lacks_the_role"


@pytest.mark.parametrize("loss", ["role", "account"])
def test_a_first_confirmation_falls_with_the_right_of_who_gave_it(loss: str, desk: Desk) -> None:
    second, operation = another_approver(desk), desk.enter()
    desk.confirm(operation)
    approver = desk.cast.people[A]
    if loss == "role":
        revoke(desk.tenant_id, approver)
    else:
        change(approver, is_active=False)
    assert desk.confirm_as(operation, second).state == State.ENTERED, "now the second is the first"


def test_a_first_confirmer_who_lost_the_role_before_the_call_stops_it(desk: Desk) -> None:
    second, operation = another_approver(desk), desk.enter()
    desk.confirm(operation)
    desk.confirm_as(operation, second)
    revoke(desk.tenant_id, desk.cast.people[A])
    desk.drain()
    row = desk.row(operation)
    assert (row.state, row.outcome) == (State.CANCELLED, "authority_revoked")
    assert desk.outside.called() == []


def test_the_database_asks_for_the_first_confirmation_too(desk: Desk) -> None:
    operation, actor = desk.enter(), desk.actor(A)
    with pytest.raises(DatabaseError, match="two people must confirm it"):
        move(
            desk, operation, actor, state="CONFIRMED", confirmed_by_id=actor.id, confirmed_by_name=actor.name,
            confirmed_at=desk.clock(),
        )  # fmt: skip


def test_a_first_confirmation_needs_its_event_and_never_changes(desk: Desk) -> None:
    operation = desk.enter()
    row = Confirmation(
        tenant_id=desk.tenant_id, operation=operation.id, person_id=str(uuid.uuid4()), person_name="nobody",
        digest=operation.digest, reauthentication="password", at=MONDAY_0830,
    )  # fmt: skip
    with pytest.raises(DatabaseError, match="without an event about it"), tenant_scope(desk.tenant_id):
        row.save(force_insert=True)
    desk.confirm(operation)
    with pytest.raises(DatabaseError, match="permission denied"), tenant_scope(desk.tenant_id):
        Confirmation.objects.filter(operation=operation.id).update(person_id="x")


def test_the_database_holds_an_entry_to_what_its_tenant_asks_for(desk: Desk) -> None:
    model = desk.enter()
    with pytest.raises(DatabaseError, match="asks for another confirmation"), tenant_scope(desk.tenant_id):
        Operation.objects.bulk_create(
            [Operation(**{f.attname: getattr(model, f.attname) for f in Operation._meta.local_fields}
                       | {"id": uuid.uuid4(), "policy": "other", "policy_role": ""})]
        )  # fmt: skip


# -- what a tenant may ask for -------------------------------------------------------------------------------------------


def ask(desk: Desk, kind: str, policy: str, role: str = "") -> Operation:
    return confirm_policies.enter_confirm_policy(
        kind, policy, role, actor=desk.actor(D), now=desk.clock(), reason="院内規程"
    )


def test_a_tenant_makes_a_kind_stricter_by_two_people_and_what_waits_keeps_its_rule(
    django_db_setup: None,
) -> None:
    desk = make_desk(make_cast())
    waiting = desk.enter(SELF)
    desk.confirm(ask(desk, SELF, "other"))
    assert desk.enter(SELF).policy == "other"
    assert desk.confirm(waiting, O).state == State.CONFIRMED
    with pytest.raises(NotPermitted, match="another_person_must_confirm"):
        desk.confirm(desk.enter(SELF), O)
    desk.confirm(ask(desk, SELF, "self"))
    assert desk.confirm(desk.enter(SELF), O).state == State.CONFIRMED


@pytest.mark.parametrize(
    ("kind", "policy", "role", "code"),
    [
        (OTHER, "self", "", "policy_too_loose"),
        (OTHER, "nonsense", "", "policy_too_loose"),
        (OTHER, "two", "viewer", "role_without_right"),
        (OTHER, "two", "", "role_without_right"),
        (SELF, "self", "", "nothing_changed"),
        ("delegation.grant", "other", "", "policy_fixed"),
        ("no.such", "other", "", "unknown_kind"),
    ],
)
def test_never_looser_and_never_what_nobody_could_confirm(
    kind: str, policy: str, role: str, code: str
) -> None:
    with pytest.raises(Refused, match=code):
        ask(make_desk(make_cast()), kind, policy, role)


def test_an_operator_decides_no_policy(django_db_setup: None) -> None:
    desk = make_desk(make_cast())
    with pytest.raises(NotPermitted):
        confirm_policies.enter_confirm_policy(
            SELF, "other", "", actor=desk.actor(O), now=desk.clock(), reason="x"
        )
