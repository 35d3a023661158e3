"""The door after wrong passwords: for how long it stays shut, and for whom not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from accounts.domain.lockout import LONGEST_WAIT, Strikes, shut_until
from accounts.domain.permissions import Role
from medical_audit.models import Event, FailedSignIn
from medical_audit.tenancy import tenant_scope
from tests.factories import MONDAY_0830 as NOW
from tests.factories import PASSWORD, Cast, told, unique
from tests.stage import make_stage

NONE = Strikes()


def after(count: int, ago: timedelta = timedelta()) -> Strikes:
    return Strikes(count, NOW - ago)


@pytest.mark.parametrize(
    ("here", "wait_s"),
    [(NONE, 0), (after(4), 0), (after(5), 30), (after(6), 60), (after(8), 240), (after(50), 900)],
)
def test_each_wrong_password_beyond_the_fifth_waits_longer(here: Strikes, wait_s: int) -> None:
    until = shut_until(here, NONE, NONE, own=True, now=NOW)
    assert until == (NOW + timedelta(seconds=wait_s) if wait_s else None)


def test_the_door_opens_again_by_itself() -> None:
    assert shut_until(after(50, LONGEST_WAIT), NONE, NONE, own=True, now=NOW) is None
    assert shut_until(after(50, timedelta(hours=25)), NONE, NONE, own=True, now=NOW) is None


def test_strangers_do_not_shut_the_person_out_of_his_own_browser() -> None:
    assert shut_until(NONE, after(10_000), NONE, own=True, now=NOW) is None
    assert shut_until(NONE, after(10_000), NONE, own=False, now=NOW) == NOW + LONGEST_WAIT


def test_one_address_with_many_names_waits() -> None:
    assert shut_until(NONE, NONE, after(299), own=False, now=NOW) is None
    assert shut_until(NONE, NONE, after(300), own=False, now=NOW) is not None
    assert shut_until(NONE, NONE, after(10_000), own=True, now=NOW) is None


def sign_in(name: str, password: str, address: str) -> int:
    answer = Client(REMOTE_ADDR=address).post("/sign-in/", {"username": name, "password": password})
    return int(answer.status_code)


def test_after_five_wrong_passwords_even_the_right_one_waits(cast: Cast) -> None:
    name = cast.people[Role.OPERATOR].username
    assert [sign_in(name, "wrong", "198.51.100.1") for _try in range(5)] == [422] * 5
    assert sign_in(name, PASSWORD, "198.51.100.1") == 429
    assert sign_in(name, PASSWORD, "198.51.101.2") == 302
    assert told("session.shut_out", str(cast.people[Role.OPERATOR].id)) == 1
    with tenant_scope(cast.tenant.id):
        (shut,) = Event.objects.filter(kind="session.shut_out")
    assert (shut.subject_id, shut.outcome) == (str(cast.people[Role.OPERATOR].id), "failed")
    assert shut.said["detail"]["address"] == "198.51.100.1"


def test_a_name_that_nobody_has_waits_just_the_same(cast: Cast) -> None:
    name = f"nobody-{unique()}"
    assert [sign_in(name, "wrong", "198.51.100.3") for _try in range(6)] == [422] * 5 + [429]
    client = Client(REMOTE_ADDR="198.51.100.3")
    page = client.post("/sign-in/", {"username": name, "password": "wrong"})
    assert 0 < int(page["Retry-After"]) <= 30


def test_a_right_password_forgets_the_wrong_ones(cast: Cast) -> None:
    user = cast.people[Role.OPERATOR]
    assert [sign_in(user.username, "wrong", "198.51.100.4") for _try in range(4)] == [422] * 4
    assert sign_in(user.username, PASSWORD, "198.51.100.4") == 302
    assert [sign_in(user.username, "wrong", "198.51.100.4") for _try in range(4)] == [422] * 4
    assert sign_in(user.username, PASSWORD, "198.51.100.4") == 302
    row = FailedSignIn.objects.get(account=str(user.id), address="198.51.100.4")
    assert (row.count, row.strikes) == (8, 0)


def guess(name: str, addresses: list[str]) -> list[int]:
    return [sign_in(name, "wrong", address) for address in addresses]


def test_who_sits_in_the_person_s_own_network_gets_no_more_tries_than_others(cast: Cast) -> None:
    user = cast.people[Role.OPERATOR]
    for at, network in (("2001:db8:7::9", "2001:db8:7:{}::1"), ("203.0.113.9", "203.0.113.{}")):
        assert sign_in(user.username, PASSWORD, at) == 302
        answers = guess(user.username, [network.format(number) for number in range(20, 40)])
        assert answers == [422] * 5 + [429] * 15
    assert told("session.shut_out", str(user.id)) == 2


def test_who_guesses_from_many_places_keeps_nobody_out_of_his_own_browser(cast: Cast) -> None:
    user = cast.people[Role.OPERATOR]
    own = Client(REMOTE_ADDR="203.0.113.9")
    right, wrong = ({"username": user.username, "password": one} for one in (PASSWORD, "wrong"))
    assert own.post("/sign-in/", right).status_code == 302
    guess(user.username, [f"198.51.{number}.7" for number in range(21)])
    guess(user.username, ["203.0.113.9"] * 6)  # a colleague behind the same address
    assert told("session.shut_out", str(user.id)) == 1
    own.post("/sign-out/")
    assert sign_in(user.username, PASSWORD, "203.0.113.9") == 429
    assert own.post("/sign-in/", right).status_code == 302
    own.post("/sign-out/")
    # A browser of one's own is no free ticket, and none of somebody else's.
    colleague = cast.people[Role.VIEWER].username
    assert [own.post("/sign-in/", wrong).status_code for _try in range(6)] == [422] * 5 + [429]
    tries = [own.post("/sign-in/", wrong | {"username": colleague}).status_code for _try in range(6)]
    assert tries == [422] * 5 + [429]


def test_guessing_at_a_confirmation_waits_too(cast: Cast) -> None:
    stage = make_stage(cast)
    client, operation = stage.client(Role.OPERATOR), stage.entered()
    url = stage.api(f"operations/{operation.id}/confirm/")

    def confirm(password: str) -> str:
        body = {"digest": operation.digest, "password": password}
        return str(client.post(url, body, content_type="application/json").json().get("code", "confirmed"))

    assert [confirm("wrong") for _try in range(5)] == ["wrong_password"] * 5
    assert confirm(PASSWORD) == "too_many_tries"
