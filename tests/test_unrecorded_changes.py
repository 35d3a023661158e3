"""Who may come in, and which accounts the clock acts in, changes with a record or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError

from accounts.domain.permissions import Role
from accounts.models import Membership, Tenant, User
from infra.models import AccountTrust, AwsAccount
from infra.operations.automation import target_of_account
from medical_audit.domain.actor import Subject, system_actor
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.factories import MONDAY_0830, Cast, make_cast, proof
from tests.simulated import make_account, switch_on


@pytest.fixture(scope="module")
def cast(django_db_setup: None) -> Cast:
    return make_cast()


@pytest.fixture
def account(cast: Cast) -> AwsAccount:
    """An account that only observes."""
    return make_account(cast, on=False).row


def together(tenant_id: uuid.UUID, *steps: Callable[[], object]) -> None:
    """Everything in one transaction of a tenant."""
    with tenant_scope(tenant_id):
        for step in steps:
            step()


def unrecorded(cast: Cast, *steps: Callable[[], object]) -> None:
    """Done together, it does not come to a commit."""
    with pytest.raises(IntegrityError, match="without an event about it"):
        together(cast.tenant.id, *steps)


def note(cast: Cast, kind: str, subject: Subject, tenant_id: uuid.UUID | None = None) -> None:
    """An event of the bound tenant, in the transaction in hand."""
    actor = system_actor(tenant_id or cast.tenant.id, "test")
    record(kind, actor=actor, subject=subject, now=MONDAY_0830)


# -- people ----------------------------------------------------------------------------------------------------------------


def _membership(cast: Cast) -> Membership:
    row: Membership = Membership.objects.get(user=cast.people[Role.VIEWER], role="viewer")
    return row


def _grant(cast: Cast) -> None:
    Membership(
        tenant_id=cast.tenant.id, user=cast.people[Role.VIEWER], role="administrator", granted_at=MONDAY_0830
    ).save(force_insert=True)


def _promote(cast: Cast) -> None:
    Membership.objects.filter(id=_membership(cast).id).update(role="administrator")


def _pass_on(cast: Cast) -> None:
    Membership.objects.filter(id=_membership(cast).id).update(user=cast.stranger)


def _take_away(cast: Cast) -> None:
    _membership(cast).delete()


@pytest.mark.parametrize("attack", [_grant, _promote, _pass_on, _take_away])
def test_a_role_changes_hands_only_with_an_event_that_names_the_person(attack: Any, cast: Cast) -> None:
    others = [
        ("member.granted", Subject("user", str(cast.people[Role.OPERATOR].id))),
        ("member.granted", Subject("tenant", str(cast.people[Role.VIEWER].id))),
        ("session.signed_in", Subject("user", str(cast.people[Role.VIEWER].id))),
    ]
    unrecorded(cast, partial(attack, cast))
    for event in others:
        unrecorded(cast, partial(attack, cast), partial(note, cast, *event))
    with tenant_scope(cast.tenant.id):
        assert _membership(cast).user_id == cast.people[Role.VIEWER].id


def test_the_event_of_another_tenant_or_of_an_earlier_transaction_does_not_count(cast: Cast) -> None:
    subject = Subject("user", str(cast.people[Role.VIEWER].id))
    with tenant_scope(cast.tenant.id):
        note(cast, "member.granted", subject)

    def tell_others() -> None:
        with tenant_scope(cast.other_tenant.id):
            note(cast, "member.granted", subject, cast.other_tenant.id)

    unrecorded(cast, partial(_grant, cast), tell_others)


def test_whom_a_role_is_passed_on_from_must_be_named_as_well(cast: Cast) -> None:
    subject = Subject("user", str(cast.stranger.id))
    unrecorded(cast, partial(_pass_on, cast), partial(note, cast, "member.granted", subject))


def test_with_its_event_a_role_is_taken_away() -> None:
    cast = make_cast()
    with tenant_scope(cast.tenant.id):
        _take_away(cast)
        note(cast, "member.revoked", Subject("user", str(cast.people[Role.VIEWER].id)))
    with tenant_scope(cast.tenant.id):
        assert not Membership.objects.filter(user=cast.people[Role.VIEWER]).exists()


@pytest.mark.parametrize(
    "change",
    [{"password": "x"}, {"is_active": False}, {"username": "somebody-else"}, {"email": "x@example.jp"}],
)
def test_a_person_changes_only_with_an_event_about_him(change: dict[str, Any], cast: Cast) -> None:
    person = cast.people[Role.ADMINISTRATOR]
    attack = partial(User.objects.filter(id=person.id).update, **change)
    unrecorded(cast, attack)
    unrecorded(cast, attack, partial(note, cast, "session.signed_in", Subject("user", str(person.id))))
    with tenant_scope(cast.tenant.id):
        assert User.objects.filter(id=person.id, is_active=True).exclude(**change).exists()


def test_a_person_appears_only_with_an_event_about_him(cast: Cast) -> None:
    person = User(username=f"u-{uuid.uuid4()}", name="x", password="x", created_at=MONDAY_0830)
    unrecorded(cast, partial(person.save, force_insert=True))


def test_signing_in_leaves_its_time_without_an_event_of_its_own(cast: Cast) -> None:
    with platform_scope():
        assert User.objects.filter(id=cast.stranger.id).update(last_login=MONDAY_0830) == 1


def test_a_tenant_is_founded_and_renamed_only_with_an_event_about_it(cast: Cast) -> None:
    tenant = Tenant(id=uuid.uuid4(), slug=f"t-{uuid.uuid4().hex[:20]}", name="x", created_at=MONDAY_0830)
    with pytest.raises(IntegrityError, match="without an event about it"):
        together(tenant.id, partial(tenant.save, force_insert=True))
    unrecorded(cast, partial(Tenant.objects.filter(id=cast.tenant.id).update, name="mine"))


# -- accounts --------------------------------------------------------------------------------------------------------------


def test_an_account_and_how_it_is_entered_change_only_with_an_event_about_it(
    cast: Cast, account: AwsAccount
) -> None:
    def rename() -> None:
        AwsAccount.objects.filter(id=account.id).update(name="other")

    def redirect() -> None:
        AccountTrust.objects.filter(account=account).update(external_id=uuid.uuid4().hex)

    for attack in (rename, redirect):
        unrecorded(cast, attack)
        told = partial(note, cast, "account.changed", Subject("account", str(account.id)))
        together(cast.tenant.id, attack, told)


def test_an_account_appears_only_with_an_event_about_it(cast: Cast) -> None:
    unrecorded(cast, partial(_new_account(cast).save, force_insert=True))


def _new_account(cast: Cast, **values: Any) -> AwsAccount:
    number = f"{uuid.uuid4().int % 10**12:012d}"
    return AwsAccount(tenant_id=cast.tenant.id, account_id=number, name="x", created_at=MONDAY_0830, **values)


# -- the clock of an account -------------------------------------------------------------------------------------------


def switched_by(operation: Operation, **changes: Any) -> dict[str, Any]:
    """What the columns of an account say once this operation has switched its clock on."""
    return {
        "automation": "on",
        "automation_operation": str(operation.id),
        "automation_confirmed_by_id": operation.confirmed_by_id,
        "automation_confirmed_by_name": operation.confirmed_by_name,
        "automation_confirmed_at": MONDAY_0830,
    } | changes


def switch(cast: Cast, account: AwsAccount, columns: dict[str, Any]) -> None:
    """Write the columns, and an event about the account."""
    with tenant_scope(cast.tenant.id):
        AwsAccount.objects.filter(id=account.id).update(**columns)
        note(cast, "account.changed", Subject("account", str(account.id)))


def refused(cast: Cast, account: AwsAccount, columns: dict[str, Any]) -> None:
    with pytest.raises(DatabaseError, match="only by a confirmed operation"):
        switch(cast, account, columns)
    with tenant_scope(cast.tenant.id):
        assert AwsAccount.objects.get(id=account.id).automation == account.automation


def entered(cast: Cast, account: AwsAccount, mode: str = "on") -> Operation:
    return entry.enter(
        "account.automation", target_of_account(account), {"mode": mode},
        actor=cast.actor(Role.ADMINISTRATOR), now=MONDAY_0830, reason="test",
    )  # fmt: skip


@pytest.mark.parametrize("operation", ["", str(uuid.UUID(int=7))])
def test_the_clock_is_not_switched_on_by_nobody(operation: str, cast: Cast, account: AwsAccount) -> None:
    refused(cast, account, {"automation": "on", "automation_operation": operation})


def test_the_clock_is_not_switched_on_by_what_only_waits(cast: Cast, account: AwsAccount) -> None:
    refused(cast, account, switched_by(entered(cast, account)))


def test_the_clock_is_not_switched_on_again_by_an_operation_that_was_carried_out(
    cast: Cast, account: AwsAccount
) -> None:
    """Somebody switched it off in the meantime: yesterday's confirmation is used up."""
    on = switch_on(cast, account, MONDAY_0830)
    off, approver = entered(cast, account, "observe"), cast.actor(Role.APPROVER)
    entry.confirm(
        off.id, actor=approver, now=MONDAY_0830, seen_digest=off.digest, proof=proof(approver, MONDAY_0830)
    )
    account.automation = "observe"
    refused(cast, account, switched_by(on))


@pytest.mark.parametrize("wrong", ["account", "mode", "person"])
def test_the_clock_is_switched_as_it_was_confirmed_and_not_otherwise(
    wrong: str, cast: Cast, account: AwsAccount
) -> None:
    """In the very transaction that confirms an operation: another account, another mode, another person."""
    other = make_account(cast, on=False).row if wrong == "account" else account
    operation = entered(cast, other, "observe" if wrong == "mode" else "on")
    approver = cast.actor(Role.APPROVER)
    person = cast.actor(Role.OPERATOR) if wrong == "person" else approver

    def attack() -> None:
        for state in (State.CONFIRMED, State.RUNNING):
            Operation.objects.filter(id=operation.id).update(
                state=state,
                confirmed_by_id=approver.id,
                confirmed_by_name=approver.name,
                confirmed_at=MONDAY_0830,
            )
        columns = switched_by(
            operation, automation_confirmed_by_id=person.id, automation_confirmed_by_name=approver.name
        )
        AwsAccount.objects.filter(id=account.id).update(**columns)

    with pytest.raises(DatabaseError, match="only by a confirmed operation"):
        together(cast.tenant.id, attack)


def test_an_account_does_not_appear_with_its_clock_on(cast: Cast) -> None:
    row = _new_account(cast, automation="on")
    with pytest.raises(DatabaseError, match="only by a confirmed operation"):
        together(cast.tenant.id, partial(row.save, force_insert=True))
