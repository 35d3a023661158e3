"""Single sign-on: by a real provider over HTTP, decided by two people, and what a forger, another house or a replay gets."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.domain.permissions import Role
from accounts.domain.terms import Terms
from accounts.models import SignOnLink, SignOnProvider
from accounts.operations import second_factor, sign_on
from accounts.operations.terms import enter_terms
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import Refused
from medical_audit.models import Event, Operation
from medical_audit.tenancy import tenant_scope
from tests.accounts.house import CLICKED, House, newest
from tests.accounts.provider import CLIENT, SECRET
from tests.accounts.test_second_factor import code_at, door, enrolled, require_from
from tests.conftest import AsRole
from tests.factories import PASSWORD, change, grant
from tests.medical_audit.support import Database
from tests.stage import signed_in


def test_somebody_who_was_invited_comes_in_and_it_stands_at_his_session(house: House) -> None:
    user, goal = house.cast.people[Role.OPERATOR], house.stage.url("resources/")
    client, answer = house.come(goal=goal)
    assert (answer.status_code, answer["Location"]) == (302, goal)
    assert client.get(goal).status_code == 200
    seat = newest(user)
    assert (seat.method, seat.factors, seat.via) == ("sso", ["sso"], house.cast.tenant.id)
    assert (seat.claims["issuer"], seat.claims["amr"]) == (house.provider.issuer, ["pwd"])
    assert seat.claims["auth_time"]
    with tenant_scope(house.cast.tenant.id):
        assert Event.objects.filter(kind="user.sign_on_bound", subject_id=str(user.id)).count() == 1
        assert SignOnProvider.objects.get().sealed.find(SECRET) == -1
    out = client.post("/sign-out/", follow=True).content.decode()
    assert f"{house.provider.issuer}/out?client_id={CLIENT}" in out.replace("&amp;", "&")


LIES: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "another-program"},
    "another audience beside ours": {"aud": [CLIENT, "another"], "azp": "another"},
    "another issuer": {"iss": "https://login.evil.example"},
    "another question": {"nonce": "another"},
    "no question": {"nonce": None},
    "expired": {"exp": int(time.time()) - 3600},
    "no expiry": {"exp": None},
    "of tomorrow": {"iat": int(time.time()) + 7200, "exp": int(time.time()) + 9000},
    "nobody": {"sub": None},
    "an address that nobody verified": {"email_verified": False},
    "an address of another domain": {"email": "unyo@elsewhere.example.jp"},
    "somebody who was not invited": {"email": "nobody@hospital.example.jp"},
}


def test_what_is_forged_or_not_about_this_sign_in_lets_nobody_in(house: House) -> None:
    honest, tried = dict(house.provider.says), {**{name: ("", lie) for name, lie in LIES.items()}}
    tried |= {f"signed by {forge}": (forge, {}) for forge in ("none", "other_key", "shared_secret")}
    let_in = []
    for name, (forge, lie) in tried.items():
        house.provider.forge, house.provider.says = forge, honest | lie
        client, answer = house.come()
        if answer.status_code != 403 or client.get(house.stage.url()).status_code != 302:
            let_in.append(name)
    assert let_in == []
    with tenant_scope(house.cast.tenant.id):
        assert Event.objects.filter(kind="session.failed").count() == len(tried)
        assert not SignOnLink.objects.exists()
    for house.provider.answer in ("moved", "endless"):
        house.provider.forge, house.provider.says = "", honest
        assert house.come()[1].status_code == 403


def test_an_answer_counts_once_in_the_browser_that_asked_and_at_its_own_tenant(house: House) -> None:
    client = Client()
    back = house.provider.sign_in(client.get(house.address(), headers=CLICKED)["Location"])
    assert (
        Client().get(back).status_code == 403
    )  # another browser: the attacker's answer in the victim's window
    assert client.get(back.replace("state=", "state=x")).status_code == 403
    assert client.get(back).status_code == 403  # the question is used up by the wrong answer
    client, answer = house.come()
    assert answer.status_code == 302
    replayed = house.address("back/") + "?code=x&state=" + house.provider.asked[-1]["state"]
    assert client.get(replayed).status_code == 403
    late = Client()
    url = late.get(house.address(), headers=CLICKED)["Location"]
    session = late.session
    session["signing_on"] |= {"at": (clock.now() - timedelta(minutes=11)).isoformat()}
    session.save()
    assert late.get(house.provider.sign_in(url)).status_code == 403
    for nobody in (house.cast.other_tenant.id, "00000000-0000-0000-0000-000000000000"):
        for headers in ({}, CLICKED):
            assert Client().get(f"/sign-in/with/{nobody}/", headers=headers).status_code == 404


def test_a_name_that_passes_to_another_person_leads_to_nobodys_account(house: House) -> None:
    assert house.come()[1].status_code == 302
    house.provider.says |= {"sub": "sub-2"}
    assert house.come()[1].status_code == 403
    house.provider.says |= {"sub": "sub-1", "email": "renamed@hospital.example.jp"}
    assert house.come()[1].status_code == 302
    change(house.cast.people[Role.OPERATOR], is_active=False)
    assert house.come()[1].status_code == 403


def test_one_houses_provider_opens_nothing_of_another_house(house: House) -> None:
    """Whoever governs a tenant's provider could name anybody: his word is worth nothing elsewhere."""
    stranger = house.cast.stranger
    other = f"/t/{house.cast.other_tenant.slug}/"
    grant(house.cast.tenant.id, stranger, Role.VIEWER)
    house.decide(enter_terms, stranger.id, Terms(email="both@hospital.example.jp"))
    house.provider.says = {"email": "both@hospital.example.jp", "sub": "sub-9", "amr": ["mfa"]}
    client, answer = house.come()
    assert answer.status_code == 302
    assert client.get(house.stage.url()).status_code == 200
    for path in ("", "ledger/", "admin/", "members/"):
        assert client.get(other + path).status_code == 403
    api = client.get(f"/api/v1/tenants/{house.cast.other_tenant.slug}/resources/")
    assert (api.status_code, api.json()["code"]) == (403, "signed_on_elsewhere")
    # Nor does it change what he proves himself with: he has a password, and only that counts.
    assert client.get(house.address() + "?again=yes", headers=CLICKED).status_code == 302
    house.come(client, again=True)
    client.get("/second-factor/")
    secret: str = client.session["offered_secret"]
    taken = client.post("/second-factor/", {"then": "app", "password": "", "code": code_at(secret)})
    assert taken.status_code == 422


def test_one_houses_provider_changes_nothing_by_which_a_person_proves_himself_elsewhere(house: House) -> None:
    """Somebody without a password here belongs to two houses: only one who belongs to this house alone takes its word for that."""
    stranger = house.cast.stranger
    grant(house.cast.tenant.id, stranger, Role.VIEWER)
    house.decide(enter_terms, stranger.id, Terms(email="both@hospital.example.jp"))
    signed_in(stranger)
    elsewhere = newest(stranger)
    change(stranger, password="!")
    house.provider.says = {"email": "both@hospital.example.jp", "sub": "sub-9", "amr": ["mfa"]}
    client, _answer = house.come()

    def take_in() -> Any:
        assert house.come(client, again=True)[1].status_code == 302
        client.get("/second-factor/")
        secret: str = client.session["offered_secret"]
        return client.post("/second-factor/", {"then": "app", "password": "", "code": code_at(secret)})

    assert take_in().status_code == 422
    assert not second_factor.is_enrolled(stranger.id)
    told = client.get("/tenants/").content.decode() + client.get("/api/v1/tenants/").content.decode()
    assert house.cast.tenant.name in told
    assert house.cast.other_tenant.name not in told
    assert house.cast.other_tenant.slug not in told
    assert client.get("/")["Location"] == house.stage.url()
    page = client.get("/sessions/").content.decode()
    assert str(elsewhere.id) not in page
    assert client.post(f"/sessions/{elsewhere.id}/end/").status_code == 404


@pytest.mark.parametrize("answer", [{"error": "a\0b"}, {"code": "x", "iss": "a\0b"}])
def test_a_strangers_answer_with_what_no_text_holds_is_a_refusal(
    house: House, answer: dict[str, str]
) -> None:
    client = Client()
    client.get(house.address(), headers=CLICKED)
    state = client.session["signing_on"]["state"]
    assert client.get(house.address("back/"), {"state": state, **answer}).status_code == 403


def test_a_provider_that_names_what_no_text_holds_is_a_refusal(house: House) -> None:
    honest = dict(house.provider.says)
    for lie in ({"sub": "a\0b"}, {"iss": "\0"}, {"aud": ["\0"]}):
        house.provider.says = honest | lie
        assert house.come()[1].status_code == 403, lie
    house.provider.says = honest | {"amr": ["\0", "pwd"]}
    assert house.come()[1].status_code == 302


def test_where_it_is_required_a_password_lets_in_only_who_is_named_for_emergencies(house: House) -> None:
    cast = house.cast
    operator, administrator = cast.people[Role.OPERATOR], cast.people[Role.ADMINISTRATOR]
    for named, code in (([], "local_people_missing"), ([str(administrator.id)], "local_person_weak")):
        with pytest.raises(Refused, match=code):
            house.decide(sign_on.enter_switch, "required", named)
    enrolled(administrator)
    house.decide(sign_on.enter_switch, "required", [str(administrator.id)])
    local = door(operator)
    page = local.get(house.stage.url())
    assert (page.status_code, "病院ID" in page.content.decode()) == (403, True)
    assert local.get(house.stage.api("resources/")).json()["code"] == "sign_on_required"
    assert local.get(house.stage.url("admin/")).status_code == 403
    assert signed_in(administrator).get(house.stage.url()).status_code == 200
    client, _answer = house.come()
    assert client.get(house.stage.url()).status_code == 200
    house.decide(sign_on.enter_switch, "off", [])
    assert client.get(house.stage.url()).status_code == 403
    assert local.get(house.stage.url()).status_code == 200
    assert Client().get(house.address()).status_code == 404


def test_no_way_leads_round_the_second_factor(house: House) -> None:
    cast, user = house.cast, house.cast.people[Role.OPERATOR]
    weak, _answer = house.come()
    require_from(cast, "2026-11-01")
    assert weak.get(house.stage.url())["Location"] == "/second-factor/?required=yes"
    for path in ("admin/", "ledger/"):
        assert weak.get(house.stage.url(path)).status_code == 302
    assert weak.get(house.stage.api("resources/")).json()["code"] == "second_factor_missing"
    house.provider.says |= {"amr": ["pwd", "otp"]}
    strong, _answer = house.come()
    assert strong.get(house.stage.url()).status_code == 200
    assert newest(user).factors == ["sso", "mfa"]
    # Who has a factor of Toban shows it where the provider did not ask for two.
    secret, _codes = enrolled(user)
    house.provider.says |= {"amr": ["pwd"]}
    client, answer = house.come()
    assert answer["Location"] == "/sign-in/code/"
    assert client.get(house.stage.url()).status_code == 302
    assert client.post("/sign-in/code/", {"code": "000000"}).status_code == 422
    later = clock.now() + timedelta(seconds=30)
    assert client.post("/sign-in/code/", {"code": code_at(secret, later)}).status_code == 302
    assert client.get(house.stage.url()).status_code == 200
    assert newest(user).factors == ["sso", "otp"]


def test_a_confirmation_takes_a_fresh_word_of_the_provider_or_ones_own_code(house: House) -> None:
    user, stage = house.cast.people[Role.OPERATOR], house.stage
    change(user, password="!")
    client, _answer = house.come()
    first, second = stage.entered(), stage.entered()

    def confirm(operation: Operation, code: str = "") -> Any:
        url = stage.url(f"operations/{operation.id}/confirm/")
        return client.post(url, {"digest": operation.digest, "password": "", "code": code})

    assert confirm(first).status_code == 422
    house.provider.says |= {"auth_time": int(time.time()) - 3600}
    assert house.come(client, again=True)[1].status_code == 403  # an old proof is no fresh one
    house.provider.says |= {"auth_time": None}
    assert house.come(client, again=True)[1].status_code == 403
    del house.provider.says["auth_time"]
    _client, back = house.come(client, goal=stage.url(f"operations/{first.id}/"), again=True)
    assert back.status_code == 302
    assert house.provider.asked[-1]["prompt"] == "login"
    assert confirm(first).status_code == 302
    assert confirm(second).status_code == 422  # one word, one confirmation
    with tenant_scope(house.cast.tenant.id):
        first.refresh_from_db()
        assert first.reauthentication == "sso"
        told = Event.objects.get(kind="operation.confirmed", operation_id=str(first.id))
        assert house.provider.issuer in told.body
    secret, _codes = enrolled(user)
    house.provider.says |= {"amr": ["mfa"]}
    client, _answer = house.come()
    assert confirm(second, "000000").status_code == 422
    assert confirm(second, code_at(secret, clock.now() + timedelta(seconds=30))).status_code == 302


def test_it_takes_two_people_and_the_database_lets_nobody_else_write_it(house: House) -> None:
    actor, now = house.cast.actor(Role.ADMINISTRATOR), clock.now()
    with tenant_scope(actor.tenant_id), pytest.raises(DatabaseError, match="confirmed operation"):
        SignOnProvider.objects.update(issuer="https://login.evil.example")
    entered = sign_on.enter_switch("off", [], actor=actor, now=now, reason="点検")
    assert SECRET not in str(entered.parameters)
    for issuer, code in (("http://login.example.jp", "sign_on_bad_issuer"), ("https://169.254.169.254", "sign_on_bad_issuer"),
                         (house.provider.issuer + "/other", "sign_on_other_issuer")):  # fmt: skip
        with pytest.raises(Refused, match=code):
            sign_on.enter_provider(
                "x", issuer, CLIENT, SECRET, "email", "example.jp", actor=actor, now=now, reason="点検"
            )
    with pytest.raises(Refused, match="sign_on_domains_missing"):
        sign_on.enter_provider(
            "x", house.provider.issuer, CLIENT, SECRET, "email", "", actor=actor, now=now, reason="点検"
        )


def test_the_secret_is_sealed_anew_and_goes_on_working(house: House, settings: Any, as_role: AsRole) -> None:
    tenant_id = house.cast.tenant.id
    settings.SECRETS_KEYS = {"k2": os.urandom(32), **settings.SECRETS_KEYS}
    with as_role("worker"), tenant_scope(tenant_id):
        moved = [
            sign_on.reseal(actor=system_actor(tenant_id, "reseal"), now=clock.now()) for _run in range(2)
        ]
    assert moved == [1, 0]
    settings.SECRETS_KEYS = {"k2": settings.SECRETS_KEYS["k2"]}
    assert house.come()[1].status_code == 302


def test_the_page_shows_what_holds_and_enters_a_change(house: House) -> None:
    client = house.stage.client(Role.ADMINISTRATOR)
    page = client.get(house.stage.url("members/sign-on/")).content.decode()
    assert house.provider.issuer in page
    assert house.address("back/") in page
    assert SECRET not in page
    sent = client.post(
        house.stage.url("members/sign-on/"), {"then": "switch", "mode": "off", "reason": "点検のため"}
    )
    assert sent.status_code == 302
    assert client.get(sent["Location"]).status_code == 200
    assert PASSWORD not in page


def test_whom_a_provider_named_stands_in_the_chain_by_reference_only(
    house: House, superuser_connection: Database
) -> None:
    """Somebody whom nobody knows, and one who is recognised: both can be erased, and the auditor reads them until then."""
    names = ("fushin@hospital.example.jp", "unyo@hospital.example.jp")
    for name in names:
        house.provider.says = {"email": name}
        house.come()
        row = superuser_connection.execute(
            "SELECT count(*) FROM ledger.event WHERE body LIKE %s", [f"%{name}%"]
        )
        assert row.fetchone() == (0,)
    with tenant_scope(house.cast.tenant.id):
        kinds = ("session.failed", "user.sign_on_bound")
        found = [Event.objects.filter(kind=kind).latest("ord").said["detail"]["username"] for kind in kinds]
    assert found == list(names)
