"""An account that is nobody's own is no second person: who holds its token or its envelope confirms nothing that it entered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError

from accounts.domain.permissions import EMERGENCY_PERMISSIONS, Permission, Role
from accounts.domain.terms import Terms
from accounts.models import RecertificationItem, User
from accounts.operations import links, members, recertifying, terms, tokens, unbinding
from accounts.operations.ending_tokens import end_tokens_of
from medical_audit import clock
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.domain.states import State
from medical_audit.models import Confirmation, Emergency, Operation
from medical_audit.operations import emergencies, entry
from medical_audit.operations.confirm_policies import enter_confirm_policy
from medical_audit.queries.operations import awaiting_rows
from medical_audit.tenancy import tenant_scope
from tests.accounts.test_terms import decide
from tests.conftest import AsRole
from tests.factories import Cast, grant, proof
from tests.stage import Stage, make_stage
from tests.tokens import bearer


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def made_machine(cast: Cast, machine: User) -> str:
    """The token of a program's account, which the administrator was shown and the approver confirmed."""
    decide(cast, terms.enter_terms, machine.id, Terms(kind="machine"))
    until = clock.now() + timedelta(days=30)
    actor, now = cast.actor(Role.ADMINISTRATOR), clock.now()
    made = tokens.enter_issue(machine.id, "監視", [], until, actor=actor, now=now, reason="監視のため")
    confirm(cast.actor(Role.APPROVER), made.operation)
    return made.text


def confirm(actor: Actor, operation: Operation) -> Operation:
    now = clock.now()
    return entry.confirm(
        operation.id, actor=actor, now=now, seen_digest=operation.digest, proof=proof(actor, now)
    )


def forged(actor: Actor, operation: Operation) -> None:
    """As a program that forgot to ask would confirm it: the database alone is asked."""
    with tenant_scope(operation.tenant_id):
        Operation.objects.filter(id=operation.id).update(
            state=State.CONFIRMED,
            confirmed_by_id=actor.id,
            confirmed_by_name=actor.name,
            confirmed_at=clock.now(),
            reauthentication="password",
        )


def count_awaiting(actor: Actor, as_role: AsRole) -> int:
    """As the worker asks it that tells people."""
    with as_role("worker"), tenant_scope(actor.tenant_id):
        return awaiting_rows(actor=actor, now=clock.now()).count()


def refused(actor: Actor, operation: Operation, code: str) -> None:
    """By the program and by the database that it works on."""
    with pytest.raises(NotPermitted) as no:
        confirm(actor, operation)
    assert no.value.code == code
    if operation.policy != "two":  # there the database misses the other of the two as well
        with pytest.raises(DatabaseError, match="no second person"):
            forged(actor, operation)


def test_who_was_shown_a_program_s_token_confirms_nothing_that_it_entered(
    stage: Stage, as_role: AsRole
) -> None:
    cast, machine = stage.cast, stage.cast.people[Role.OPERATOR]
    grant(cast.tenant.id, cast.people[Role.ADMINISTRATOR], Role.APPROVER)
    made_machine(cast, machine)
    for policy in ("other", "two"):
        decide(cast, enter_confirm_policy, "ec2.start", policy, "approver" if policy == "two" else "")
        operation = stage.entered()
        assert (operation.entered_by_id, operation.policy) == (str(machine.id), policy)
        refused(cast.actor(Role.ADMINISTRATOR), operation, "in_your_hands")
    grant(cast.tenant.id, cast.people[Role.AUDITOR], Role.APPROVER)
    with tenant_scope(cast.tenant.id), pytest.raises(DatabaseError, match="no second person"):
        Confirmation(
            tenant_id=cast.tenant.id, operation=operation.id, person_id=cast.actor(Role.ADMINISTRATOR).id, person_name="a",
            digest=operation.digest, reauthentication="password", at=clock.now(),
        ).save(force_insert=True)  # fmt: skip
    told = {role: count_awaiting(cast.actor(role), as_role) for role in (Role.ADMINISTRATOR, Role.APPROVER)}
    assert told == {Role.ADMINISTRATOR: 0, Role.APPROVER: 2}, "nobody is told of what he may not confirm"
    assert confirm(cast.actor(Role.APPROVER), operation).state == State.ENTERED
    assert confirm(cast.actor(Role.AUDITOR), operation).state == State.CONFIRMED


def test_a_token_that_has_ended_is_in_nobody_s_hands(stage: Stage) -> None:
    """A house of two renews it by turns, and one of them can confirm what the program enters."""
    cast, machine = stage.cast, stage.cast.people[Role.OPERATOR]
    grant(cast.tenant.id, cast.people[Role.ADMINISTRATOR], Role.APPROVER)
    grant(cast.tenant.id, cast.people[Role.APPROVER], Role.ADMINISTRATOR)
    made_machine(cast, machine)
    decide(cast, enter_confirm_policy, "ec2.start", "other", "")
    before = stage.entered()
    with tenant_scope(cast.tenant.id):
        end_tokens_of(machine.id, actor=cast.actor(Role.APPROVER), now=clock.now())
    second = tokens.enter_issue(
        machine.id, "監視", [], clock.now() + timedelta(days=30),
        actor=cast.actor(Role.APPROVER), now=clock.now(), reason="更新",
    )  # fmt: skip
    confirm(cast.actor(Role.ADMINISTRATOR), second.operation)
    after = stage.entered()
    refused(cast.actor(Role.ADMINISTRATOR), before, "in_your_hands")
    refused(cast.actor(Role.APPROVER), after, "in_your_hands")
    assert confirm(cast.actor(Role.ADMINISTRATOR), after).state == State.CONFIRMED


def test_who_answers_for_a_program_is_no_second_person_either(stage: Stage) -> None:
    cast, machine = stage.cast, stage.cast.people[Role.OPERATOR]
    holder = cast.people[Role.APPROVER]
    decide(cast, terms.enter_terms, machine.id, Terms(kind="machine", holder=str(holder.id)))
    decide(cast, enter_confirm_policy, "ec2.start", "other", "")
    refused(cast.actor(Role.APPROVER), stage.entered(), "in_your_hands")


def test_a_program_judges_nothing_signs_nothing_and_issues_no_token(stage: Stage) -> None:
    cast, machine = stage.cast, stage.cast.people[Role.OPERATOR]
    grant(cast.tenant.id, machine, Role.ADMINISTRATOR)
    program = bearer(made_machine(cast, machine))
    other = cast.people[Role.VIEWER]
    recertifying.begin(actor=cast.actor(Role.ADMINISTRATOR), now=clock.now())
    with tenant_scope(cast.tenant.id):
        item = RecertificationItem.objects.filter(user=other).get()
    sent = {"items": [str(item.id)], "decision": "keep", "reason": "要る"}
    answer = program.post(stage.api("rights/decide/"), sent, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "program_confirms_nothing")
    answer = program.post(stage.api("reviews/"), {}, content_type="application/json")
    assert answer.status_code == 403, answer.content
    actor = cast.actor(Role.OPERATOR)
    assert actor.no_one == "program"
    assert not actor.may(Permission.REVIEW, cast.tenant.id)
    for about in (
        cast.people[Role.ADMINISTRATOR],
        machine,
    ):  # who was shown the token gives himself nothing by it
        with pytest.raises(Refused, match="own_rights"):
            members.enter_grant(about.id, "approver", actor=actor, now=clock.now(), reason="r")
        with pytest.raises(Refused, match="own_rights"):
            unbinding.enter_unbind(about.id, actor=actor, now=clock.now(), reason="r")
    decide(cast, terms.enter_terms, other.id, Terms(kind="machine"))
    with pytest.raises(NotPermitted, match="program_confirms_nothing"):
        tokens.enter_issue(
            other.id, "孫", [], clock.now() + timedelta(days=1), actor=actor, now=clock.now(), reason="r"
        )


def test_an_envelope_is_no_second_person_and_holds_only_what_the_emergency_right_gives(
    stage: Stage, as_role: AsRole
) -> None:
    cast, envelope = stage.cast, stage.cast.people[Role.APPROVER]
    asker, house = Role.OPERATOR, Role.ADMINISTRATOR
    grant(cast.tenant.id, cast.people[Role.AUDITOR], Role.APPROVER)
    grant(cast.tenant.id, cast.people[asker], Role.APPROVER)
    decide(cast, enter_confirm_policy, "ec2.start", "other", "")
    mine, actor = stage.entered(), cast.actor(asker)
    made = terms.enter_terms(
        envelope.id, Terms(kind="emergency"), actor=cast.actor(house), now=clock.now(), reason="r"
    )
    confirm(cast.actor(Role.AUDITOR), made)
    opened = emergencies.enter_open(str(envelope.id), 60, actor=actor, now=clock.now(), reason="障害")
    confirm(cast.actor(Role.AUDITOR), opened)
    sealed = cast.actor(Role.APPROVER)
    assert sealed.permissions == {str(one) for one in EMERGENCY_PERMISSIONS}
    refused(sealed, mine, "envelope_confirms_nothing")
    theirs = stage.entered(role=Role.APPROVER)
    refused(actor, theirs, "in_your_hands")
    told = {role: count_awaiting(cast.actor(role), as_role) for role in (asker, Role.APPROVER, Role.AUDITOR)}
    assert told == {asker: 0, Role.APPROVER: 0, Role.AUDITOR: 2}
    assert confirm(cast.actor(Role.AUDITOR), theirs).state == State.CONFIRMED


def test_who_was_shown_the_way_into_an_envelope_has_it_in_hand(stage: Stage) -> None:
    """He gave it its password and sealed it; another one asks for it one night."""
    cast, envelope = stage.cast, stage.cast.people[Role.VIEWER]
    grant(cast.tenant.id, cast.people[Role.ADMINISTRATOR], Role.APPROVER)
    decide(cast, enter_confirm_policy, "ec2.start", "other", "")
    decide(cast, terms.enter_terms, envelope.id, Terms(kind="emergency"))
    decide(cast, links.enter_reissue, envelope.id, "password")
    decide(cast, emergencies.enter_open, str(envelope.id), 60, by=Role.OPERATOR)
    operation = stage.entered(role=Role.VIEWER)
    refused(cast.actor(Role.ADMINISTRATOR), operation, "in_your_hands")
    assert confirm(cast.actor(Role.APPROVER), operation).state == State.CONFIRMED


def test_an_envelope_still_starts_a_server_by_itself(stage: Stage) -> None:
    cast, envelope = stage.cast, stage.cast.people[Role.VIEWER]
    decide(cast, terms.enter_terms, envelope.id, Terms(kind="emergency"))
    decide(cast, emergencies.enter_open, str(envelope.id), 60, by=Role.OPERATOR)
    sealed = cast.actor(Role.VIEWER)
    operation = stage.entered(role=Role.VIEWER)
    assert confirm(sealed, operation).state == State.CONFIRMED


def test_who_asked_for_an_envelope_does_not_say_what_its_use_was_good_for(stage: Stage) -> None:
    cast, envelope = stage.cast, stage.cast.people[Role.VIEWER]
    grant(cast.tenant.id, cast.people[Role.OPERATOR], Role.AUDITOR)
    decide(cast, terms.enter_terms, envelope.id, Terms(kind="emergency"))
    decide(cast, emergencies.enter_open, str(envelope.id), 60, by=Role.OPERATOR)
    with tenant_scope(cast.tenant.id):
        row = Emergency.objects.get()
    emergencies.close(row.id, actor=cast.actor(Role.APPROVER), now=clock.now())
    with pytest.raises(NotPermitted, match="own_act"):
        emergencies.enter_review(row.id, "妥当", actor=cast.actor(Role.OPERATOR), now=clock.now())
    made = emergencies.enter_review(row.id, "妥当", actor=cast.actor(Role.ADMINISTRATOR), now=clock.now())
    with pytest.raises(NotPermitted, match="signer_concerned"):
        confirm(cast.actor(Role.OPERATOR), made)
