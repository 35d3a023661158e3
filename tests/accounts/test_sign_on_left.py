"""A seat that was left is locked also for who came by a provider, whose own session may still be open in that browser."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.domain.permissions import Role
from accounts.models import SignOnLink
from medical_audit import clock
from medical_audit.domain.seats import End
from medical_audit.operations.policies import enter_policy
from medical_audit.queries.policies import Policy
from medical_audit.tenancy import tenant_scope
from tests.accounts.house import House, newest
from tests.accounts.test_second_factor import code_at, enrolled
from tests.factories import past_every_guard


def follow(house: House, client: Client, answer: Any) -> Any:
    """To the provider once more, if that is where the browser was sent."""
    sent_on = answer.status_code == 302 and answer["Location"].startswith(house.provider.issuer)
    return client.get(house.provider.sign_in(answer["Location"])) if sent_on else answer


def is_in(house: House, client: Client) -> bool:
    return bool(client.get(house.stage.url("resources/")).status_code == 200)


def minutes_ago(minutes: int) -> int:
    return int(time.time()) - minutes * 60


def test_a_left_seat_is_not_taken_up_by_what_the_provider_said_before(house: House) -> None:
    house.provider.says |= {"auth_time": minutes_ago(9)}
    client, _ = house.come()
    assert is_in(house, client)
    client.post("/lock/")
    _client, answer = house.come(client)
    assert house.provider.asked[-1]["prompt"] == "login"
    assert (answer.status_code, answer.context["code"]) == (403, "sign_on_not_anew")
    client.post(
        "/sign-out/"
    )  # "I am somebody else": the browser forgets whose seat it was, the server does not
    for browser in (client, Client()):
        asked = len(house.provider.asked)
        _client, answer = house.come(browser)
        answer = follow(house, browser, answer)
        silent, anew = house.provider.asked[asked:]
        assert ("prompt" in silent, anew["prompt"], anew["max_age"]) == (False, "login", "0")
        assert (answer.status_code, answer.context["code"]) == (403, "sign_on_not_anew")
        assert not is_in(house, browser)
    del house.provider.says["auth_time"]
    _client, answer = house.come(client)
    assert answer.status_code == 302
    assert is_in(house, client)


def test_each_way_of_ending_asks_anew_and_so_does_an_end_that_nobody_wrote_down_yet(house: House) -> None:
    user = house.cast.people[Role.OPERATOR]
    for how in End:
        house.provider.says |= {"auth_time": minutes_ago(1)}
        past_every_guard("DELETE FROM medical_audit_session WHERE user_id = %s", [user.id])
        client, _ = house.come()
        assert is_in(house, client)
        past_every_guard(
            'UPDATE medical_audit_session SET ended_at = now(), "end" = %s WHERE user_id = %s', [how, user.id]
        )
        other = Client()
        assert follow(house, other, house.come(other)[1]).status_code == 403, how
    past_every_guard("DELETE FROM medical_audit_session WHERE user_id = %s", [user.id])
    house.provider.says |= {"auth_time": minutes_ago(30)}
    house.come()
    past_every_guard(
        "UPDATE medical_audit_session SET active_at = now() - interval '11 minutes' WHERE user_id = %s",
        [user.id],
    )
    other = Client()  # the browser was closed, and the sweeper has not come by
    assert follow(house, other, house.come(other)[1]).status_code == 403


def test_a_word_of_yesterday_is_asked_for_anew_though_no_seat_was_left(house: House) -> None:
    house.provider.says |= {"auth_time": minutes_ago(13 * 60)}
    client, answer = house.come()
    assert answer["Location"].startswith(house.provider.issuer)
    answer = follow(house, client, answer)
    assert (answer.status_code, answer.context["code"]) == (403, "sign_on_not_anew")
    house.provider.says |= {"auth_time": int(time.time()) + 3600}
    assert house.come()[1].status_code == 403
    with tenant_scope(house.cast.tenant.id):
        assert not SignOnLink.objects.exists(), "a word that opens nothing binds nobody"
    house.provider.says |= {"auth_time": minutes_ago(11 * 60)}
    assert is_in(house, house.come()[0])


def test_a_provider_that_never_says_when_takes_up_a_seat_with_his_own_factor_only(house: House) -> None:
    house.provider.says |= {"auth_time": None, "amr": ["mfa"]}
    client, _ = house.come()
    assert is_in(house, client)
    client.post("/lock/")
    _client, answer = house.come(client)
    assert (answer.status_code, answer.context["code"]) == (403, "sign_on_undated")
    secret, _codes = enrolled(house.cast.people[Role.OPERATOR])
    _client, answer = house.come(client)
    assert answer["Location"] == "/sign-in/code/"
    assert not is_in(house, client)
    code = code_at(secret, clock.now() + timedelta(seconds=30))
    assert client.post("/sign-in/code/", {"code": code}).status_code == 302
    assert is_in(house, client)


def test_the_word_that_let_him_in_is_no_second_word(house: House) -> None:
    """Whoever sits at an open session takes `prompt=login` out of the address, and the provider answers with what it said before."""
    client, _ = house.come()
    said = newest(house.cast.people[Role.OPERATOR]).claims["auth_time"]
    house.provider.says |= {"auth_time": int(datetime.fromisoformat(said).timestamp())}
    _client, answer = house.come(client, again=True)
    assert (answer.status_code, answer.context["code"]) == (403, "sign_on_not_fresh")


@pytest.mark.parametrize("own", [False, True])
def test_a_provider_s_word_at_the_door_begins_no_grace(house: House, own: bool) -> None:
    """A confirmation takes a fresh word or the own factor (ADR 20); shown at the door, the own factor began the grace."""
    house.decide(lambda **who: enter_policy(replace(Policy(), grace_seconds=600), **who))
    if own:
        secret, _codes = enrolled(house.cast.people[Role.OPERATOR])
    client, _answer = house.come()
    if own:
        code = code_at(secret, clock.now() + timedelta(seconds=30))
        assert client.post("/sign-in/code/", {"code": code}).status_code == 302
    operation, second = house.stage.entered(), house.stage.entered()

    def confirm(one: Any) -> int:
        url = house.stage.url(f"operations/{one.id}/confirm/")
        return client.post(url, {"digest": one.digest, "password": "", "code": ""}).status_code

    assert confirm(operation) == (302 if own else 422)
    if not own:
        assert house.come(client, again=True)[1].status_code == 302
        assert [confirm(operation), confirm(second)] == [302, 302], "the word that was taken begins the grace"
