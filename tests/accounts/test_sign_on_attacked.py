"""Single sign-on under attack: what other sites, old words of a provider and open links could do to a house and its people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client

from accounts import identity
from accounts.domain.permissions import Role
from accounts.domain.sign_on import Endpoints, NotFromProvider
from accounts.models import ApiToken
from accounts.operations import members, sign_on, tokens
from medical_audit import clock
from medical_audit.domain.errors import Refused
from medical_audit.models import Event, Operation
from medical_audit.operations import entry, seats
from medical_audit.operations.policies import enter_policy
from medical_audit.queries.policies import Policy
from medical_audit.tenancy import tenant_scope
from tests.accounts.house import CLICKED, House, newest
from tests.accounts.provider import CLIENT, SECRET
from tests.accounts.test_second_factor import enrolled
from tests.factories import PASSWORD, past_every_guard, proof, unique
from tests.stage import signed_in
from tests.tokens import bearer, make_token


def test_who_came_by_the_provider_leaves_no_open_link_behind(house: House) -> None:
    role, mail = "viewer", "mori@hospital.example.jp"
    actor = house.cast.actor(Role.ADMINISTRATOR)
    invited = members.enter_invite(
        f"mori-{unique()}", "森", role, mail, actor=actor, now=clock.now(), reason="入職"
    )
    confirmer, now = house.cast.actor(Role.APPROVER), clock.now()
    entry.confirm(
        invited.operation.id, actor=confirmer, now=now, seen_digest=invited.operation.digest, proof=proof(confirmer, now)
    )  # fmt: skip
    url = f"/invitation/{invited.link}/"
    assert Client().get(url).status_code == 200
    house.provider.says = {"email": mail}
    client, answer = house.come()
    assert answer.status_code == 302
    assert client.get(house.stage.url()).status_code == 200
    assert Client().get(url).status_code == 404


def test_a_page_of_another_site_shuts_no_door_and_leaves_no_trace(house: House) -> None:
    """What one page with many pictures does behind the one address of a hospital."""
    for number in range(310):
        assert Client().get(house.address("back/"), {"state": str(number)}).status_code == 403
    _client, answer = house.come()
    assert answer.status_code == 302
    with tenant_scope(house.cast.tenant.id):
        assert not Event.objects.filter(kind="session.failed").exists()
    clumsy = Client()
    for _try in range(7):  # what a browser was sent away for and brings back wrongly waits by itself
        sent = clumsy.get(house.address(), headers=CLICKED)
        last = clumsy.get(house.provider.sign_in(sent["Location"]).replace("state=", "state=x"))
    assert last.context["code"] == "too_many_tries"
    assert house.come()[1].status_code == 302


def test_a_link_of_another_site_signs_nobody_in_and_nobody_over_somebody_else(house: House) -> None:
    person, other = house.cast.people[Role.OPERATOR], house.cast.people[Role.VIEWER]
    client = signed_in(other)
    before = dict(client.session)
    for site in ("cross-site", "same-site"):
        page = client.get(house.address(), {"next": "/tenants/"}, headers={"Sec-Fetch-Site": site})
        assert page.status_code == 200
    now = {name: value for name, value in client.session.items() if name != "signing_on_pressed"}
    assert (now, set(client.cookies) - {"csrftoken"}) == (before, {"sessionid"})
    # The button of that page goes on; an old or invented mark does not.
    assert client.get(house.address(), {"go": "x"}).status_code == 200
    go = client.session["signing_on_pressed"]
    sent = client.get(house.address(), {"go": go})
    assert sent.status_code == 302
    assert client.get(house.address(), {"go": go}).status_code == 200
    client, answer = house.come(client)
    assert (answer.status_code, answer.context["code"]) == (403, "sign_on_while_signed_in")
    assert client.session["_auth_user_id"] == str(other.id)
    assert "toban_sign_on" not in client.cookies
    assert house.come(signed_in(person))[1].status_code == 302  # the same person comes in anew


def test_where_it_is_required_a_token_works_on_only_while_the_provider_vouches_for_its_person(
    house: House,
) -> None:
    cast, person = house.cast, house.cast.people[Role.OPERATOR]
    program, other = (bearer(make_token(cast, role)) for role in (Role.OPERATOR, Role.APPROVER))
    assert house.come()[1].status_code == 302
    enrolled(cast.people[Role.APPROVER])
    house.decide(sign_on.enter_switch, "required", [str(cast.people[Role.APPROVER].id)])
    url = house.stage.api("resources/")
    assert [one.get(url).status_code for one in (program, other)] == [200, 200]
    past_every_guard(
        "UPDATE accounts_signonlink SET used_at = now() - interval '15 days' WHERE user_id = %s", [person.id]
    )
    refused = program.get(url)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_needs_sign_on")
    assert other.get(url).status_code == 200
    assert house.come()[1].status_code == 302
    assert program.get(url).status_code == 200


def test_an_old_word_of_the_provider_proves_nothing_the_second_time_either(house: House) -> None:
    """Where a grace holds, a word that is too old must not begin one."""
    user, stage = house.cast.people[Role.OPERATOR], house.stage
    house.decide(lambda **who: enter_policy(replace(Policy(), grace_seconds=60), **who))
    client, _answer = house.come()
    actor, now = replace(house.cast.actor(Role.OPERATOR), session=newest(user).name), clock.now()
    later = (now + timedelta(seconds=30)).isoformat()
    old = {"issuer": house.provider.issuer, "amr": ["pwd"], "acr": "", "auth_time": later, "strong": False}
    assert seats.provider_proved(actor.session, old, actor=actor, now=now - timedelta(minutes=10))
    operation = stage.entered()
    url, sent = (
        stage.url(f"operations/{operation.id}/confirm/"),
        {"digest": operation.digest, "password": "", "code": ""},
    )
    assert [client.post(url, sent).status_code for _try in range(2)] == [422, 422]


def test_a_provider_s_grace_makes_no_token(house: House) -> None:
    """ADR 20: a token asks for Toban's own factor, where the person has one."""
    user, stage = house.cast.people[Role.OPERATOR], house.stage
    house.decide(lambda **who: enter_policy(replace(Policy(), grace_seconds=600), **who))
    enrolled(user)
    house.provider.says |= {"amr": ["mfa"]}
    client, answer = house.come()
    assert answer.status_code == 302
    sent = {
        "name": "手元", "permissions": ["resource.view"], "networks": "", "reason": "手元の道具", "password": "", "code": "",
        "last_day": f"{(clock.now() + timedelta(days=300)).date()}",
    }  # fmt: skip
    assert client.post(stage.url("tokens/"), sent).status_code == 422


def test_who_came_by_the_provider_and_has_a_password_is_asked_for_it_for_a_token(house: House) -> None:
    user, stage = house.cast.people[Role.OPERATOR], house.stage
    client, _ = house.come()
    assert 'name="password"' in client.get(stage.url("tokens/")).content.decode()
    sent = {
        "name": "手元", "permissions": ["resource.view"], "networks": "", "reason": "手元の道具", "password": "", "code": "",
        "last_day": f"{(clock.now() + timedelta(days=300)).date()}",
    }  # fmt: skip
    assert client.post(stage.url("tokens/"), sent).status_code == 422
    actor, now = house.cast.actor(Role.OPERATOR), clock.now()
    word = replace(proof(actor, now), method="sso")
    with pytest.raises(Refused, match="token_needs_whole_proof"):
        tokens.make_token(
            "手元",
            ["resource.view"],
            [],
            now + timedelta(days=9),
            actor=actor,
            now=now,
            reason="x",
            proof=word,
        )
    with tenant_scope(house.cast.tenant.id):
        assert not Operation.objects.filter(kind="token.make").exists(), (
            "nobody saw the text of such an entry"
        )
    assert client.post(stage.url("tokens/"), sent | {"password": PASSWORD}).status_code == 200
    with tenant_scope(house.cast.tenant.id):
        assert ApiToken.objects.filter(user=user).count() == 1


@pytest.mark.parametrize("host", ["login..example.jp", "x" * 64 + ".example.jp"])
def test_an_endpoint_at_what_is_no_name_is_a_refusal(host: str) -> None:
    places = Endpoints(*[f"https://{host}/x"] * 3)
    client = identity.Client("https://login.example.jp", CLIENT, SECRET, places)
    with pytest.raises(NotFromProvider, match="sign_on_unreachable"):
        identity.redeem(client, "code", verifier="v", redirect_uri="r", nonce="n", now=clock.now())
