"""Passkeys: taken in, asked for at the door and at each confirmation, and what a forger gets from them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.domain.permissions import Role
from accounts.models import Passkey, PasskeyQuestion, User
from accounts.operations import passkeys, second_factor, signing
from accounts.queries.people import person_without_tenant
from medical_audit import clock
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, NotReauthenticated, Refused
from medical_audit.models import Session
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.accounts.device import Device, text
from tests.accounts.test_second_factor import code_at, proven
from tests.factories import PASSWORD, Cast, told

HERE = "http://testserver"


def person(user: User) -> Actor:
    return person_without_tenant(user, user.name, session="", address="192.0.2.7", request="r")


def with_passkey(user: User) -> Device:
    """Somebody whose notebook holds a key."""
    device, now = Device(), clock.now()
    answer = device.make(passkeys.ask_to_add(user, HERE, now=now))
    second_factor.enrol_passkey(
        user, "ノート", answer, actor=person(user), now=now, proof=proven(user, now, "passkey")
    )
    return device


def door(user: User) -> Client:
    client = Client()
    client.post("/sign-in/", {"username": user.username, "password": PASSWORD})
    return client


def question(client: Client, purpose: str) -> str:
    return client.post("/second-factor/question/", {"for": purpose}).content.decode()


def test_the_whole_way_on_the_pages(cast: Cast) -> None:
    user, device = cast.people[Role.OPERATOR], Device()
    client, elsewhere = door(user), door(user)
    sent = {
        "then": "passkey",
        "name": "ノート",
        "password": PASSWORD,
        "answer": device.make(question(client, "add")),
    }
    assert client.post("/second-factor/", sent | {"password": "wrong"}).status_code == 422
    sent["answer"] = device.make(question(client, "add"))
    page = client.post("/second-factor/", sent)
    assert page.status_code == 200
    assert page.content.decode().count("<li>\n            <code>") == 10
    assert "ノート" in client.get("/second-factor/").content.decode()
    assert elsewhere.get(f"/t/{cast.tenant.slug}/").status_code == 302
    assert told("user.passkey_added", str(user.id)) == 1

    again = door(user)
    assert again.get(f"/t/{cast.tenant.slug}/").status_code == 302
    answer = device.sign(question(again, "prove"))
    assert again.post("/sign-in/code/", {"code": answer}).status_code == 302
    assert again.get(f"/t/{cast.tenant.slug}/").status_code == 200
    with platform_scope(user_id=user.id):
        assert Session.objects.filter(user_id=user.id).latest("started_at").factors == ["pwd", "passkey"]
        row = Passkey.objects.get(user_id=user.id)

    gone = {"then": str(row.id), "password": PASSWORD}
    assert again.post("/second-factor/", gone | {"code": answer}).status_code == 422
    signed = device.sign(question(again, "prove"))
    assert again.post("/second-factor/", gone | {"code": signed}).status_code == 302
    assert not second_factor.is_enrolled(user.id)
    assert second_factor.codes_left(user.id) == 0
    assert told("user.passkey_removed", str(user.id)) == 1


def test_a_confirmation_takes_it_instead_of_a_code(cast: Cast) -> None:
    user, now = cast.people[Role.APPROVER], clock.now()
    device, actor = with_passkey(user), cast.actor(Role.APPROVER)
    answer = device.sign(passkeys.ask_to_prove(user, HERE, now=now))

    def method(code: str) -> str:
        with tenant_scope(cast.tenant.id):
            try:
                return signing.reauthenticate(user, PASSWORD, code, actor=actor, now=now).method
            except NotReauthenticated as wrong:
                return wrong.code

    assert [method(code) for code in ("", answer, answer)] == ["wrong_code", "password+passkey", "wrong_code"]


def test_what_a_forger_sends_proves_nothing(cast: Cast) -> None:
    user, other, now = cast.people[Role.OPERATOR], cast.people[Role.APPROVER], clock.now()
    device, strange = with_passkey(user), with_passkey(other)

    def proves(answer: str, later: timedelta = timedelta()) -> bool:
        return second_factor.prove(user, answer, actor=person(user), now=now + later) == "passkey"

    def asked() -> str:
        return passkeys.ask_to_prove(user, HERE, now=now)

    forged = json.loads(asked())
    cases = {
        "another's key": strange.sign(asked()),
        "another's question": device.sign(passkeys.ask_to_prove(other, HERE, now=now)),
        "a question never asked": device.sign(json.dumps(forged | {"challenge": text(b"x" * 64)})),
        "a page of another address": Device("https://toban.example.net", device.key, device.id, 50).sign(
            asked()
        ),
        "another host": device.sign(json.dumps(forged | {"rpId": "example.net"})),
        "no signature": device.sign(asked(), signature=text(b"")),
        "a question for taking in": device.sign(
            json.dumps(json.loads(passkeys.ask_to_add(user, HERE, now=now)) | {"rpId": "testserver"})
        ),
    }
    assert {name for name, answer in cases.items() if proves(answer)} == set()
    assert not proves(device.sign(asked()), passkeys.HOLDS + timedelta(seconds=1))
    assert proves(device.sign(asked()))


def test_only_the_newest_questions_stay(cast: Cast) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    device = with_passkey(user)
    asked = [
        passkeys.ask_to_prove(user, HERE, now=now + timedelta(seconds=at))
        for at in range(passkeys.MOST_ASKED + 1)
    ]
    later = now + timedelta(minutes=1)
    for one, right in ((asked[0], ""), (asked[1], "passkey"), (asked[-1], "passkey")):
        assert second_factor.prove(user, device.sign(one), actor=person(user), now=later) == right
    with platform_scope(user_id=user.id):
        assert PasskeyQuestion.objects.filter(user_id=user.id).count() == passkeys.MOST_ASKED - 2


def test_a_copy_that_has_signed_less_often_is_refused(cast: Cast) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    device = with_passkey(user)
    copy = Device(key=device.key, id=device.id)
    device.count = 7
    for answering, right in ((device, "passkey"), (copy, "")):
        answer = answering.sign(passkeys.ask_to_prove(user, HERE, now=now))
        assert second_factor.prove(user, answer, actor=person(user), now=now) == right


def test_a_key_is_taken_in_once_and_by_whoever_was_asked(cast: Cast) -> None:
    user, other, now = cast.people[Role.OPERATOR], cast.people[Role.APPROVER], clock.now()
    device = with_passkey(user)
    for asked, code in (
        (passkeys.ask_to_add(other, HERE, now=now), "passkey_known"),
        (passkeys.ask_to_add(user, HERE, now=now), "passkey_not_right"),
    ):
        with pytest.raises(Refused, match=code):
            second_factor.enrol_passkey(
                other, "x", device.make(asked), actor=person(other), now=now, proof=proven(other, now)
            )
    with pytest.raises(NotFound):
        second_factor.remove_passkey(
            other,
            passkeys.list_own(user.id)[0].id,
            PASSWORD,
            actor=person(other),
            now=now,
            proof=proven(other, now),
        )
    assert not second_factor.is_enrolled(other.id)


def test_an_address_of_numbers_and_too_many_are_said_in_words(cast: Cast) -> None:
    user = cast.people[Role.OPERATOR]
    client = door(user)
    answer = client.post("/second-factor/question/", {"for": "add"}, headers={"host": "127.0.0.1"})
    assert (answer.status_code, answer["Content-Type"]) == (409, "text/plain")
    assert client.post("/second-factor/question/", {"for": "prove"}).status_code == 409
    assert Client().post("/second-factor/question/", {"for": "prove"}).status_code == 401
    for _key in range(passkeys.MOST):
        with_passkey(user)
    with pytest.raises(Refused, match="too_many_passkeys"):
        passkeys.ask_to_add(user, HERE, now=clock.now())


def test_an_app_stays_when_a_passkey_goes_and_the_other_way_round(cast: Cast) -> None:
    user, now = cast.people[Role.OPERATOR], clock.now()
    with_passkey(user)
    secret = second_factor.new_secret()
    both, me = proven(user, now, "passkey"), person(user)
    assert second_factor.enrol(user, secret, code_at(secret, now), actor=me, now=now, proof=both) == []
    key = passkeys.list_own(user.id)[0].id
    second_factor.remove_passkey(user, key, PASSWORD, actor=me, now=now, proof=both)
    assert second_factor.is_enrolled(user.id)
    assert second_factor.codes_left(user.id) == 10
    with_passkey(user)
    second_factor.remove(user, PASSWORD, actor=me, now=now, proof=both)
    assert second_factor.is_enrolled(user.id)


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60).map(lambda rest: "{" + rest),
        st.dictionaries(
            st.sampled_from(["id", "rawId", "type", "response"]),
            st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda x: st.dictionaries(
                st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]), x, max_size=3)),
        ).map(json.dumps),
        st.just('{"response": {"clientDataJSON": "' + text(b"[" * 5000) + '"}}'),
    )
)  # fmt: skip
def test_no_answer_is_too_strange_to_be_refused(answer: str) -> None:
    assert passkeys._challenge(answer) == b""
    assert isinstance(passkeys._credential(answer), bytes)


def test_an_address_that_only_takes_what_is_sent_says_so_to_who_opens_it() -> None:
    answer = Client().get("/second-factor/question/", headers={"accept-language": "en"})
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "Something is sent to this address" in answer.content.decode()
