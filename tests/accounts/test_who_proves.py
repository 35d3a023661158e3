"""Who is one person, and what he has to type: programs and shared accounts decide nothing, and no grace makes a token."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.domain.permissions import Permission, Role
from accounts.domain.terms import Terms
from accounts.models import ApiToken
from accounts.operations import terms, tokens
from accounts.queries.people import People
from medical_audit import clock
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.domain.kinds import get_kind
from medical_audit.operations import emergencies, entry
from medical_audit.operations.authorising import check_confirmer
from medical_audit.operations.policies import enter_policy
from medical_audit.queries.policies import Policy
from medical_audit.tenancy import tenant_scope
from tests.accounts.test_admitting import decide
from tests.factories import PASSWORD, Cast, past_every_guard, proof
from tests.stage import Stage, make_stage, signed_in
from tests.tokens import bearer

CONFIRMS = [str(one) for one in Permission if str(one).endswith(".confirm")]


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def give_grace(cast: Cast, seconds: int = 600) -> None:
    """A password that was given counts for so long; decided by two people, as everything."""
    decide(cast, lambda **who: enter_policy(replace(Policy(), grace_seconds=seconds), **who))


def test_a_program_confirms_nothing_even_with_its_own_password(stage: Stage) -> None:
    cast, machine = stage.cast, stage.cast.people[Role.APPROVER]
    # Another approver, for the one who is a program from now on.
    operation, second = stage.entered(), cast.people[Role.AUDITOR]
    past_every_guard(
        "UPDATE accounts_membership SET role = 'approver' WHERE tenant_id = %s AND user_id = %s",
        [cast.tenant.id, second.id],
    )
    people = {**cast.people, Role.APPROVER: second}
    house = replace(cast, people=people)
    decide(house, terms.enter_terms, machine.id, Terms(kind="machine"))
    made = tokens.enter_issue(
        machine.id, "監視", [], clock.now() + timedelta(days=9), actor=house.actor(Role.ADMINISTRATOR), now=clock.now(), reason="監視"
    )  # fmt: skip
    confirmer, now = house.actor(Role.APPROVER), clock.now()
    entry.confirm(
        made.operation.id, actor=confirmer, now=now, seen_digest=made.operation.digest, proof=proof(confirmer, now)
    )  # fmt: skip
    with tenant_scope(cast.tenant.id):
        assert not set(ApiToken.objects.get(user=machine).permissions) & set(CONFIRMS)
        ApiToken.objects.filter(user=machine).update(used_from="")
    # One that was issued before.
    past_every_guard(
        "UPDATE accounts_apitoken SET permissions = permissions || '[\"power.confirm\"]'::jsonb WHERE user_id = %s",
        [machine.id],
    )
    sent = {"digest": operation.digest, "password": PASSWORD}
    url = stage.api(f"operations/{operation.id}/confirm/")
    answer = bearer(made.text).post(url, sent, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "program_confirms_nothing")
    with tenant_scope(cast.tenant.id):
        assert not People().holds(cast.tenant.id, str(machine.id), "power.confirm", "")


def test_a_shared_account_gets_no_emergency_right_and_asks_for_none(cast: Cast) -> None:
    shared, now = cast.people[Role.VIEWER], clock.now()
    asked = emergencies.enter_open(
        str(shared.id), 60, actor=cast.actor(Role.OPERATOR), now=now, reason="障害"
    )
    opened = cast.actor(Role.APPROVER)
    holder = str(cast.people[Role.OPERATOR].id)
    decide(cast, terms.enter_terms, shared.id, Terms(kind="shared", holder=holder))
    with pytest.raises(Refused, match="emergency_for_one_person"):  # what was asked before it became one
        entry.confirm(asked.id, actor=opened, now=now, seen_digest=asked.digest, proof=proof(opened, now))
    with pytest.raises(NotPermitted):
        emergencies.enter_open(str(shared.id), 60, actor=cast.actor(Role.VIEWER), now=now, reason="障害")
    with pytest.raises(Refused, match="emergency_for_one_person"):
        emergencies.enter_open(str(shared.id), 60, actor=cast.actor(Role.OPERATOR), now=now, reason="障害")


def test_a_right_that_was_open_before_an_account_is_shared_gives_nothing_any_more(stage: Stage) -> None:
    cast, shared, now = stage.cast, stage.cast.people[Role.VIEWER], clock.now()
    decide(
        cast,
        lambda **who: emergencies.enter_open(
            str(shared.id), 60, **who | {"actor": cast.actor(Role.OPERATOR)}
        ),
    )
    assert cast.actor(Role.VIEWER).may("power.enter", cast.tenant.id)
    holder = str(cast.people[Role.OPERATOR].id)
    operation = stage.entered()
    decide(cast, terms.enter_terms, shared.id, Terms(kind="shared", holder=holder))
    actor = cast.actor(Role.VIEWER)
    assert not actor.may("power.enter", cast.tenant.id)
    assert not actor.may("emergency.ask", cast.tenant.id)
    with tenant_scope(cast.tenant.id), pytest.raises(NotPermitted):
        check_confirmer(operation, get_kind(operation.kind), actor, now=now)
    sent = _token_form() | {"password": PASSWORD}
    assert signed_in(shared).post(stage.url("tokens/"), sent).status_code == 403


def _token_form() -> dict[str, Any]:
    last = (clock.now() + timedelta(days=300)).date()
    return {
        "name": "手元", "permissions": ["resource.view"], "networks": "", "last_day": f"{last}", "reason": "手元の道具",
        "password": "", "code": "",
    }  # fmt: skip


def test_within_the_grace_a_confirmation_needs_no_password_and_a_token_does(stage: Stage) -> None:
    cast, person = stage.cast, stage.cast.people[Role.OPERATOR]
    give_grace(cast)
    client, operation = signed_in(person), stage.entered()
    form = {"digest": operation.digest, "password": "", "code": ""}
    assert client.post(stage.url(f"operations/{operation.id}/confirm/"), form).status_code == 302
    for sent in (_token_form(), _token_form() | {"password": "wrong"}):
        assert client.post(stage.url("tokens/"), sent).status_code == 422
    with tenant_scope(cast.tenant.id):
        assert not ApiToken.objects.filter(user=person).exists()
    actor, now = cast.actor(Role.OPERATOR), clock.now()
    made = tokens.enter_token(
        "手元", ["resource.view"], [], now + timedelta(days=9), actor=actor, now=now, reason="手元の道具"
    )
    recent = replace(proof(actor, now), method="recent")
    with pytest.raises(Refused, match="token_needs_whole_proof"):  # whoever calls it
        entry.confirm(
            made.operation.id, actor=actor, now=now, seen_digest=made.operation.digest, proof=recent
        )
    assert client.post(stage.url("tokens/"), _token_form() | {"password": PASSWORD}).status_code == 200


def test_a_goal_that_is_no_address_leads_home(cast: Cast) -> None:
    person = {"username": cast.people[Role.OPERATOR].username, "password": PASSWORD}
    for goal in ("foo", "//evil.example/", "https://evil.example/", "\\\\evil.example", "accounts:sign-out"):
        answer = Client().post(f"/sign-in/?next={goal}", person)
        assert (answer.status_code, answer["Location"]) == (302, "/"), goal
