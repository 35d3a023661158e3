"""Every right is looked at anew once a quarter, by somebody else; what nobody used for 90 days stands first."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.domain.permissions import Role
from accounts.models import Membership, Recertification, RecertificationItem
from accounts.operations import members, recertifying
from accounts.queries.recertifying import RightsPage, rights_page
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import Refused
from medical_audit.domain.states import State
from medical_audit.models import Event, Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import Cast, grant, past_every_guard, proof, revoke
from tests.stage import Stage, make_stage, signed_in


@pytest.fixture
def stage(cast: Cast) -> Stage:
    past_every_guard(
        "UPDATE accounts_membership SET granted_at = '2026-01-01' WHERE tenant_id = %s", [cast.tenant.id]
    )
    return make_stage(cast)


def shown(cast: Cast, role: Role = Role.ADMINISTRATOR) -> RightsPage:
    actor = cast.actor(role)
    with tenant_scope(cast.tenant.id):
        return rights_page(actor=actor, now=clock.now())


def item(cast: Cast, role: Role) -> UUID:
    with tenant_scope(cast.tenant.id):
        found: UUID = RecertificationItem.objects.get(user=cast.people[role]).id
    return found


def decide(cast: Cast, role: Role, decision: str, *, by: Role = Role.ADMINISTRATOR) -> list[tuple[str, str]]:
    return recertifying.decide(
        [item(cast, role)], decision, actor=cast.actor(by), now=clock.now(), reason="四半期の棚卸"
    )


def test_a_role_is_unused_until_something_was_done_that_it_allows_beyond_looking(stage: Stage) -> None:
    cast = stage.cast
    assert {one.role for one in shown(cast).unused} == set(Role)
    stage.entered()  # by the operator
    signed_in(cast.people[Role.VIEWER]).get(stage.url())
    signed_in(cast.people[Role.AUDITOR]).get(stage.url())  # was here, but has not read the record
    unused = {one.role for one in shown(cast).unused}
    assert unused == {Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR}
    stage.client(Role.AUDITOR).get(stage.url("ledger/"))
    assert Role.AUDITOR not in {one.role for one in shown(cast).unused}


def test_one_act_is_the_use_of_the_least_role_that_allows_it(stage: Stage) -> None:
    cast = stage.cast
    person = cast.people[Role.OPERATOR]
    for role in (Role.APPROVER, Role.ADMINISTRATOR):
        grant(cast.tenant.id, person, role)
    past_every_guard(
        "UPDATE accounts_membership SET granted_at = '2026-01-01' WHERE user_id = %s", [person.id]
    )
    stage.entered()
    stage.client(Role.OPERATOR).get(stage.url("ledger/"))  # reading is no administering
    unused = {one.role for one in shown(cast).unused if one.user.id == person.id}
    assert unused == {Role.APPROVER, Role.ADMINISTRATOR}


def test_a_round_that_is_not_finished_stands_before_the_next_one(stage: Stage) -> None:
    administrator = stage.cast.actor(Role.ADMINISTRATOR)
    for days in (0, 100):
        recertifying.begin(actor=administrator, now=clock.now() + timedelta(days=days))
    page = stage.client(Role.ADMINISTRATOR).get(stage.url("members/rights/"))
    first, second = page.context["shown"].open
    assert first.round.row.begun_at < second.round.row.begun_at
    assert (len(first.waiting), len(second.waiting)) == (len(Role), len(Role))
    theirs = [one for one in (*first.waiting, *second.waiting) if not one.own]
    assert [one for one in theirs if f'value="{one.row.id}"' not in page.content.decode()] == []


def test_a_round_is_begun_once_decided_by_another_and_closed_when_whole(stage: Stage) -> None:
    cast, administrator = stage.cast, stage.cast.actor(Role.ADMINISTRATOR)
    recertifying.begin(actor=administrator, now=clock.now())
    with pytest.raises(Refused, match="recertified_already"):
        recertifying.begin(actor=administrator, now=clock.now())
    assert [code for _name, code in decide(cast, Role.ADMINISTRATOR, "keep")] == ["own_rights"]
    assert decide(cast, Role.VIEWER, "take") == []
    assert [code for _name, code in decide(cast, Role.VIEWER, "keep")] == ["decided_already"]
    with tenant_scope(cast.tenant.id):
        operation = Operation.objects.get(kind="member.revoke")
        assert Membership.objects.filter(user=cast.people[Role.VIEWER]).exists()
    confirmer, now = cast.actor(Role.APPROVER), clock.now()
    entry.confirm(
        operation.id, actor=confirmer, now=now, seen_digest=operation.digest, proof=proof(confirmer, now)
    )
    with tenant_scope(cast.tenant.id):
        assert not Membership.objects.filter(user=cast.people[Role.VIEWER]).exists()
    for role in (Role.OPERATOR, Role.APPROVER, Role.AUDITOR):
        assert decide(cast, role, "keep") == []
    # Only the administrator's own right is left: another administrator has to decide it.
    granted = members.enter_grant(
        cast.people[Role.OPERATOR].id,
        "administrator",
        actor=administrator,
        now=clock.now(),
        reason="副管理者",
    )
    entry.confirm(
        granted.id,
        actor=confirmer,
        now=clock.now(),
        seen_digest=granted.digest,
        proof=proof(confirmer, clock.now()),
    )
    assert decide(cast, Role.ADMINISTRATOR, "keep", by=Role.OPERATOR) == []
    with tenant_scope(cast.tenant.id):
        assert Recertification.objects.get().closed_at is not None
        body = Event.objects.get(kind="member.recertification_closed").body
    assert '"keep":4' in body
    assert '"take":1' in body


def test_the_clock_begins_a_quarter_reminds_once_a_week_and_nobody_else_writes(
    stage: Stage, as_role: AsRole
) -> None:
    cast, now = stage.cast, clock.now()
    clockwork = system_actor(cast.tenant.id, "rights")

    def look(days: int) -> None:
        with as_role("scheduler"):
            recertifying.look_after(actor=clockwork, now=now + timedelta(days=days))

    def told(kind: str) -> int:
        with tenant_scope(cast.tenant.id):
            return Event.objects.filter(kind=kind).count()

    look(0)  # founded in this quarter: its first round is the next one
    assert told("member.recertification_begun") == 0
    past_every_guard("UPDATE accounts_tenant SET created_at = '2026-01-01' WHERE id = %s", [cast.tenant.id])
    for days in (0, 0, 1, 7, 8, 14):
        look(days)
    assert (told("member.recertification_begun"), told("member.recertification_due")) == (1, 2)
    himself = cast.people[Role.ADMINISTRATOR]
    own = RecertificationItem.objects.filter(user=himself)
    with tenant_scope(cast.tenant.id), pytest.raises(DatabaseError, match="recertified_by_another"):
        own.update(decision="keep", decided_by_id=str(himself.id))


def test_the_page_shows_what_is_unused_and_takes_decisions(stage: Stage) -> None:
    cast, url = stage.cast, stage.url("members/rights/")
    client: Client = stage.client(Role.ADMINISTRATOR)
    assert client.get(url).status_code == 200
    assert client.post(url, {"then": "begin"}).status_code == 302
    page = client.get(url).content.decode()
    assert str(item(cast, Role.VIEWER)) in page
    assert str(item(cast, Role.ADMINISTRATOR)) not in page
    sent = {"item": [str(item(cast, Role.VIEWER))], "decision": "keep", "reason": "使用中"}
    assert client.post(url, sent).status_code == 302
    assert client.post(url, sent).status_code == 422
    assert stage.client(Role.AUDITOR).get(url).status_code == 200


def test_a_right_that_was_to_be_taken_is_open_again_when_nobody_took_it(stage: Stage) -> None:
    cast, administrator = stage.cast, stage.cast.actor(Role.ADMINISTRATOR)
    recertifying.begin(actor=administrator, now=clock.now())
    past_every_guard(
        "DELETE FROM accounts_recertificationitem WHERE tenant_id = %s AND role <> 'viewer'", [cast.tenant.id]
    )
    assert decide(cast, Role.VIEWER, "take") == []
    assert (len(shown(cast).open_items), shown(cast).current is None) == (
        0,
        False,
    )  # not whole before it is taken
    with tenant_scope(cast.tenant.id):
        operation = Operation.objects.get(kind="member.revoke")
    approver, now = cast.actor(Role.APPROVER), clock.now()
    entry.reject(operation.id, actor=approver, now=now, reason="まだ必要")
    report = stage.client(Role.AUDITOR).get(stage.url("audit/reports/recertification/")).context["report"]
    assert [row[5] for row in report.rows] == ["open"]  # as before: nobody took it
    assert report.totals == {"rounds": 1, "rights": 1, "keep": 0, "take": 0, "gone": 0, "undecided": 1}
    page = stage.client(Role.ADMINISTRATOR).get(stage.url("members/rights/")).content.decode()
    assert f'value="{item(cast, Role.VIEWER)}"' in page
    assert [one.row.role for one in shown(cast).open_items] == ["viewer"]
    assert decide(cast, Role.VIEWER, "take") == []
    with tenant_scope(cast.tenant.id):
        assert Event.objects.filter(kind="member.recertification_reopened").count() == 1
        again = Operation.objects.get(kind="member.revoke", state=State.ENTERED)
    entry.confirm(again.id, actor=approver, now=now, seen_digest=again.digest, proof=proof(approver, now))
    with tenant_scope(cast.tenant.id):
        assert Recertification.objects.get().closed_at is not None


def test_the_clock_opens_again_what_ran_out_and_closes_what_is_whole(stage: Stage, as_role: AsRole) -> None:
    cast, now = stage.cast, clock.now()
    clockwork = system_actor(cast.tenant.id, "rights")
    recertifying.begin(actor=cast.actor(Role.ADMINISTRATOR), now=now)
    past_every_guard(
        "DELETE FROM accounts_recertificationitem WHERE tenant_id = %s AND role <> 'viewer'", [cast.tenant.id]
    )
    decide(cast, Role.VIEWER, "take")
    past_every_guard(
        "UPDATE medical_audit_operation SET state = 'EXPIRED', phase = '' WHERE tenant_id = %s",
        [cast.tenant.id],
    )
    with as_role("scheduler"):
        recertifying.look_after(actor=clockwork, now=now)
    with tenant_scope(cast.tenant.id):
        assert RecertificationItem.objects.get().decision == "open"
    decide(cast, Role.VIEWER, "take")
    revoke(cast.tenant.id, cast.people[Role.VIEWER])  # by other means, before anybody confirmed
    with as_role("scheduler"):
        recertifying.look_after(actor=clockwork, now=now)
    with tenant_scope(cast.tenant.id):
        assert Recertification.objects.get().closed_at is not None
