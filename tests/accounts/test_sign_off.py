"""Back-channel logout: who signed out at the provider is signed out here, and nobody else can say so."""

from __future__ import annotations

import time
from typing import Any

from django.test import Client

from accounts.domain.permissions import Role
from accounts.domain.sign_on import SET
from accounts.models import SignOnProvider
from medical_audit.models import Event, FailedSignIn, Operation
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.accounts.house import House, newest
from tests.stage import signed_in


def tell(house: House, token: str, address: str = "192.0.2.44") -> int:
    answer = Client(REMOTE_ADDR=address).post(house.address("ended/"), {"logout_token": token})
    assert answer["Cache-Control"].find("no-store") >= 0
    return answer.status_code


def test_who_signed_out_there_is_signed_out_here(house: House) -> None:
    page, user = house.stage.url("resources/"), house.cast.people[Role.OPERATOR]
    house.provider.says |= {"sid": "their-7"}
    (first, _), by_password = house.come(), signed_in(user)
    house.provider.says |= {"sid": "their-8"}
    second, _ = house.come()
    assert tell(house, house.provider.logout_token(sub=None, sid="their-9")) == 200
    assert [one.get(page).status_code for one in (first, second)] == [200, 200]
    house.provider.says |= {"sid": None}
    third, _ = house.come()  # of which the provider said no name
    word = house.provider.logout_token(sid="their-7")
    assert tell(house, word) == 200
    assert [one.get(page).status_code for one in (first, second, third, by_password)] == [302, 200, 302, 200]
    with tenant_scope(house.cast.tenant.id):
        ended = Event.objects.filter(kind="session.forced", subject_id=str(user.id))
        assert "ended_at_provider" in ended.latest("event_at").body


def test_a_word_ends_only_what_began_before_it(house: House) -> None:
    word = house.provider.logout_token(iat=int(time.time()) - 90)
    client, _ = house.come()
    assert tell(house, word) == 200
    assert client.get(house.stage.url("resources/")).status_code == 200
    assert newest(house.cast.people[Role.OPERATOR]).ended_at is None


def test_a_person_with_the_longest_name_that_a_provider_may_give_is_signed_out_too(house: House) -> None:
    house.provider.says |= {"sub": "s" * 255}
    client, _ = house.come()
    assert tell(house, house.provider.logout_token(sub="s" * 255)) == 200
    assert client.get(house.stage.url("resources/")).status_code == 302


LIES: list[tuple[dict[str, Any], str]] = [
    ({"aud": "another"}, ""),
    ({"iss": "https://login.evil.example"}, ""),
    ({"events": {}}, ""),
    ({"nonce": "n"}, ""),
    ({"jti": None}, ""),
    ({"sub": None}, ""),
    ({"exp": None}, ""),
    ({"iat": 1_700_000_000}, ""),
    ({}, "none"),
    ({}, "other_key"),
    ({}, "shared_secret"),
]


def test_nobody_else_can_say_so(house: House) -> None:
    client, _ = house.come()
    for number, (says, house.provider.forge) in enumerate(LIES):
        word = house.provider.logout_token(**says)
        assert tell(house, word, address=f"192.0.2.{number}") == 400, (says, house.provider.forge)
    assert client.get(house.stage.url("resources/")).status_code == 200
    with tenant_scope(house.cast.tenant.id):
        assert Event.objects.filter(kind="sign_on.logout_refused").count() == len(LIES)


def test_an_address_that_guesses_waits(house: House) -> None:
    answers = [tell(house, text) for text in ("", "x", "a.b.c", "x", "x", "x", "x", "x", "x", "x", "x", "x")]
    assert answers[:3] == [400] * 3
    assert answers[-1] == 429
    assert tell(house, house.provider.logout_token(), address="203.0.113.9") == 200


def test_keys_that_do_not_come_are_nobodys_guess(house: House) -> None:
    """The provider says so from the house's own address, behind which everybody signs in: that stays open."""
    client, _ = house.come()
    house.provider.answer = "moved"
    assert [tell(house, house.provider.logout_token(), "198.51.100.7") for _try in range(6)] == [400] * 5 + [
        429
    ]
    assert tell(house, "x", "198.51.100.7") == 429
    house.provider.answer = ""
    assert tell(house, house.provider.logout_token(), address="192.0.2.45") == 200
    assert client.get(house.stage.url("resources/")).status_code == 302
    with platform_scope():
        assert not FailedSignIn.objects.filter(address="198.51.100.7").exists()


def test_its_secret_is_read_nowhere_not_even_under_its_seal(house: House) -> None:
    with tenant_scope(house.cast.tenant.id):
        row, sealed = Operation.objects.get(kind=SET), SignOnProvider.objects.get().sealed
    api = house.stage.client(Role.VIEWER).get(house.stage.api(f"operations/{row.id}/"))
    assert api.json()["parameters"]["issuer"] == house.provider.issuer
    window = house.stage.client(Role.AUDITOR).get(house.stage.url(f"admin/medical_audit/operation/{row.id}/"))
    assert house.provider.issuer in window.content.decode()
    assert sealed not in api.content.decode() + window.content.decode()
