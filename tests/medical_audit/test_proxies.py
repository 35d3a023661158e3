"""代行入力: who may enter for whom, who confirms it, deputies in order, and what waits too long."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import DatabaseError

from accounts.domain.permissions import Role
from medical_audit.domain.actor import Actor, Principal, system_actor
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.domain.states import State
from medical_audit.models import Confirmation, ConfirmPolicy, Delegation, Event, Operation
from medical_audit.operations import delegating, entry, proxies
from medical_audit.operations.authorising import principals_of
from medical_audit.operations.moves import person_of
from medical_audit.queries.operations import awaiting
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole, _as_role
from tests.factories import grant as add_role
from tests.factories import make_cast, make_person, proof, revoke
from tests.forging import copy, forge, move
from tests.medical_audit.desk import SELF, Desk, make_desk
from tests.medical_audit.support import plant

V, O, A, D = Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR  # noqa: E741
HOUR = timedelta(hours=1)


@pytest.fixture
def desk(django_db_setup: None) -> Desk:
    with _as_role("web"):
        return make_desk(make_cast())


def person(desk: Desk, role: Role) -> Principal:
    user = desk.cast.people[role]
    return Principal(str(user.id), user.name)


def grant(
    desk: Desk, days: float = 30, kinds: tuple[str, ...] = (SELF,), to: Role = O, by: Role = A
) -> Operation:
    """The approver lets the operator enter for him."""
    now = desk.clock()
    return delegating.enter_grant(
        person(desk, to).id, kinds, begins_at=now, ends_at=now + timedelta(days=days), evidence="院長の指示書 12号",
        actor=desk.actor(by), now=now,
    )  # fmt: skip


def granted(desk: Desk) -> Delegation:
    operation = desk.confirm(grant(desk))
    assert operation.state == State.SUCCEEDED
    with tenant_scope(desk.tenant_id):
        found: Delegation = Delegation.objects.get(id=operation.target_id)
        return found


def for_approver(desk: Desk) -> Operation:
    return desk.enter(SELF, behalf=person(desk, A))


def test_a_enters_for_b_and_only_b_confirms(desk: Desk) -> None:
    """workflows §5 test 24: A cannot confirm, C cannot, B can; the row shows both and the times."""
    granted(desk)
    operation = for_approver(desk)
    with pytest.raises(NotPermitted, match="proxy_cannot_confirm"):
        desk.confirm(operation, O)
    with pytest.raises(NotPermitted, match="only_the_principal"):
        desk.confirm(operation, D)
    row = desk.confirm(operation)
    assert (row.state, row.entered_by_name, row.on_behalf_of_name, row.confirmed_by_name) == (
        State.CONFIRMED, "operator", "approver", "approver",
    )  # fmt: skip
    with tenant_scope(desk.tenant_id):
        body = Event.objects.get(operation_id=str(operation.id), kind="operation.entered").said
        confirmed = Event.objects.get(operation_id=str(operation.id), kind="operation.confirmed").said
    assert body["behalf"]["name"] == "approver"
    assert "behalf" not in confirmed, "nobody acts for himself"


@pytest.mark.parametrize("why", ["none", "before", "after", "ended", "other kind", "other way round"])
def test_without_a_live_delegation_it_is_refused(why: str, desk: Desk) -> None:
    behalf, role, kind = person(desk, A), O, SELF
    if why != "none":
        delegation = granted(desk)
    if why == "before":
        desk.clock.pass_(seconds=-1)
    elif why == "after":
        desk.clock.pass_(days=30)
    elif why == "ended":
        end = delegating.enter_end(delegation.id, actor=desk.actor(A), now=desk.clock(), reason="異動")
        desk.confirm(end)
    elif why == "other kind":
        kind = "test.other"
    elif why == "other way round":
        behalf, role = person(desk, O), A
    with pytest.raises(NotPermitted, match="no_delegation"):
        desk.enter(kind, role, behalf=behalf)


def test_an_end_that_was_entered_before_it_said_whose_still_names_him_by_reference(desk: Desk) -> None:
    delegation = granted(desk)
    older = Operation(target_type="delegation", target_id=str(delegation.id), parameters={})
    with tenant_scope(desk.tenant_id):
        assert person_of(older) == person(desk, O).id


def test_the_database_asks_for_the_delegation_too(desk: Desk) -> None:
    granted(desk)
    model = for_approver(desk)
    other = copy(model, on_behalf_of_id=person(desk, D).id, id=uuid.uuid4())
    with pytest.raises(DatabaseError, match="who has not allowed it"):
        forge(desk, other, desk.actor(O))
    actor = desk.actor(D)
    with pytest.raises(DatabaseError, match="named no such deputy"):
        move(
            desk, model, actor, state="CONFIRMED", confirmed_by_id=actor.id, confirmed_by_name=actor.name,
            confirmed_at=desk.clock(),
        )  # fmt: skip


def test_only_the_principal_gives_it_and_with_his_own_password(desk: Desk) -> None:
    operation = grant(desk)
    with pytest.raises(NotPermitted, match="only_the_enterer_confirms"):
        desk.confirm(operation, D)
    with tenant_scope(desk.tenant_id):
        assert not Delegation.objects.exists()


def test_what_is_asked_of_a_delegation(desk: Desk) -> None:
    now, actor, to = desk.clock(), desk.actor(A), person(desk, O).id

    def refused(code: str, **changes: object) -> None:
        given = {
            "proxy_id": to, "kinds": [SELF], "begins_at": now, "ends_at": now + HOUR, "evidence": "x", "actor": actor, "now": now,
        }  # fmt: skip
        with pytest.raises(Refused, match=code):
            delegating.enter_grant(**given | changes)  # type: ignore[arg-type]

    refused("proxy_for_oneself", proxy_id=actor.id)
    refused("no_kinds", kinds=[])
    refused("kind_not_ours", kinds=["session.end"])
    refused("kind_not_ours", kinds=["delegation.grant"])
    refused("bad_end", ends_at=now)
    refused("delegation_too_long", ends_at=now + timedelta(days=367))
    refused("evidence_missing", evidence=" ")
    with pytest.raises(NotFound):
        delegating.enter_grant(
            str(desk.cast.stranger.id),
            [SELF],
            begins_at=now,
            ends_at=now + HOUR,
            evidence="x",
            actor=actor,
            now=now,
        )


def test_a_delegation_is_ended_once_and_never_changed(desk: Desk) -> None:
    delegation = granted(desk)
    with pytest.raises(DatabaseError, match="nothing else about it changes"), tenant_scope(desk.tenant_id):
        Delegation.objects.filter(id=delegation.id).update(ends_at=delegation.ends_at + HOUR)
    with pytest.raises(NotFound):
        delegating.enter_end(delegation.id, actor=_bystander(desk), now=desk.clock(), reason="x")


def _bystander(desk: Desk) -> Actor:
    """Somebody who may delegate, but is neither of the two nor sets policies: another operator would be."""
    actor = desk.actor(A)
    return Actor(
        actor.tenant_id, actor.type, str(uuid.uuid4()), "other", permissions=desk.actor(O).permissions
    )


# -- deputies ------------------------------------------------------------------------------------------------------------


def deputies(desk: Desk, *roles: Role) -> None:
    ids = [person(desk, role).id for role in roles]
    operation = delegating.enter_deputies(ids, actor=desk.actor(A), now=desk.clock(), reason="休暇中の代理")
    assert desk.confirm(operation).state == State.SUCCEEDED


def confirm_for(desk: Desk, operation: Operation, role: Role, why: str) -> Operation:
    actor, now = desk.actor(role), desk.clock()
    return entry.confirm(
        operation.id,
        actor=actor,
        now=now,
        seen_digest=operation.digest,
        proof=proof(actor, now),
        deputy_reason=why,
    )


def test_a_deputy_confirms_with_a_reason_that_stands_in_the_ledger(desk: Desk) -> None:
    granted(desk)
    deputies(desk, D)
    operation = for_approver(desk)
    with pytest.raises(Refused, match="deputy_reason_missing"):
        confirm_for(desk, operation, D, " ")
    row = confirm_for(desk, operation, D, "確定者が学会出張のため")
    assert row.authority["deputy_for"] == "approver"
    with tenant_scope(desk.tenant_id):
        body = Event.objects.get(operation_id=str(operation.id), kind="operation.confirmed").body
    assert "確定者が学会出張のため" in body


def test_deputies_have_their_turns_in_order(desk: Desk) -> None:
    granted(desk)
    deputies(desk, O, D)
    operation = for_approver(desk)
    with pytest.raises(NotPermitted, match="proxy_cannot_confirm"):
        confirm_for(desk, operation, O, "x")
    with pytest.raises(NotPermitted, match="deputy_not_yet"):
        confirm_for(desk, operation, D, "x")
    desk.clock.pass_(hours=24)
    assert confirm_for(desk, operation, D, "確定者が不在").state == State.CONFIRMED


@pytest.mark.parametrize(("roles", "code"), [((A,), "proxy_for_oneself"), ((D, D), "deputy_twice")])
def test_what_is_asked_of_deputies(roles: tuple[Role, ...], code: str, desk: Desk) -> None:
    with pytest.raises(Refused, match=code):
        deputies(desk, *roles)


def test_a_delegation_gives_no_more_than_its_principal_has(desk: Desk) -> None:
    """His role is gone: nobody enters for him any more, and for what waits no deputy confirms."""
    granted(desk)
    deputies(desk, D)
    waiting, operator = for_approver(desk), desk.actor(O)
    revoke(desk.tenant_id, desk.cast.people[A])
    with pytest.raises(NotPermitted, match="principal_without_right"):
        for_approver(desk)
    with pytest.raises(NotPermitted, match="principal_without_right"):
        confirm_for(desk, waiting, D, "確定者が異動したため")
    assert waits_for(desk, D) == 0
    with tenant_scope(desk.tenant_id):
        assert principals_of(desk.tenant_id, operator.id, {SELF}, desk.clock()) == []


# -- two people ----------------------------------------------------------------------------------------------------------


def asks_for_two(desk: Desk) -> Actor:
    """The tenant asks for two approvers; gives the second one."""
    policy = ConfirmPolicy(
        tenant_id=desk.tenant_id,
        kind=SELF,
        policy="two",
        role="approver",
        operation="",
        changed_at=desk.clock(),
    )
    plant(policy)
    second = make_person("second")
    add_role(desk.tenant_id, second, A)
    desk.cast.people[V] = second
    return desk.actor(V)


def test_once_the_principal_has_confirmed_any_other_of_the_role_is_the_second(desk: Desk) -> None:
    granted(desk)
    second = asks_for_two(desk)
    operation = for_approver(desk)
    with pytest.raises(NotPermitted, match="only_the_principal"):
        desk.confirm_as(operation, second)
    assert desk.confirm(operation).state == State.ENTERED
    with tenant_scope(desk.tenant_id):
        assert awaiting(actor=second, now=desk.clock(), limit=10)[1] == 1
    row = desk.confirm_as(operation, second)
    assert (row.state, row.authority["first"]) == (State.CONFIRMED, ["approver"])
    assert "deputy_for" not in row.authority


def test_a_deputy_who_is_the_first_of_two_says_why_and_the_record_keeps_it(desk: Desk) -> None:
    granted(desk)
    second = asks_for_two(desk)
    operation = delegating.enter_deputies([second.id], actor=desk.actor(A), now=desk.clock(), reason="休暇")
    assert desk.confirm(operation).state == State.SUCCEEDED
    third = make_person("third")
    add_role(desk.tenant_id, third, A)
    operation = for_approver(desk)
    assert confirm_for(desk, operation, V, "学会出張のため").state == State.ENTERED
    desk.cast.people[V] = third
    row = desk.confirm_as(operation, desk.actor(V))
    assert row.state == State.CONFIRMED
    assert (row.authority["deputy_for"], row.authority["deputy_reason"]) == ("approver", "学会出張のため")


def test_the_database_asks_that_one_of_the_two_stands_for_the_principal(desk: Desk) -> None:
    granted(desk)
    second = asks_for_two(desk)
    operation = for_approver(desk)
    third = make_person("third")
    plant(
        Confirmation(
            tenant_id=desk.tenant_id, operation=operation.id, person_id=str(third.id), person_name="third",
            digest=operation.digest, reauthentication="password", at=desk.clock(),
        )
    )  # fmt: skip
    with pytest.raises(DatabaseError, match="named no such deputy"):
        move(
            desk, operation, second, state="CONFIRMED", confirmed_by_id=second.id, confirmed_by_name="second"
        )


# -- waiting -------------------------------------------------------------------------------------------------------------


def waits_for(desk: Desk, role: Role) -> int:
    actor = desk.actor(role)
    with tenant_scope(desk.tenant_id):
        return awaiting(actor=actor, now=desk.clock(), limit=10)[1]


def test_each_sees_what_he_may_confirm(desk: Desk) -> None:
    granted(desk)
    for_approver(desk)
    assert (waits_for(desk, A), waits_for(desk, O), waits_for(desk, D)) == (1, 0, 0)
    deputies(desk, O, D)
    assert waits_for(desk, D) == 0
    desk.clock.pass_(hours=24)
    assert (waits_for(desk, A), waits_for(desk, D)) == (1, 1)


def test_what_waits_too_long_is_escalated_once_a_period_and_stays_open_for_the_deputies(
    desk: Desk, as_role: AsRole
) -> None:
    granted(desk)
    deputies(desk, D)
    operation = for_approver(desk)

    def sweep() -> int:
        with as_role("scheduler"):
            return proxies.escalate(
                desk.tenant_id, actor=system_actor(desk.tenant_id, "sweeper"), now=desk.clock()
            )

    assert sweep() == 0
    desk.clock.pass_(hours=24)
    assert (sweep(), sweep()) == (1, 0)
    desk.clock.pass_(hours=24)
    assert (sweep(), sweep()) == (1, 0)
    assert desk.story(operation) == ["entered", "escalated", "escalated"]
    with tenant_scope(desk.tenant_id):
        said = Event.objects.filter(kind="operation.escalated").latest("ord").said
    assert said["detail"]["deputies"] == ["administrator"]
    assert desk.confirm(operation).state == State.CONFIRMED
    assert sweep() == 0
