"""Another provider, another client, a person whom the provider knows by another id: what was bound ends, and two people decided it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.domain.permissions import Role
from accounts.domain.sign_on import SET, UNBIND, Replaces, replaces
from accounts.domain.terms import Terms
from accounts.models import SignOnLink, SignOnProvider
from accounts.operations import members, sign_on, unbinding
from accounts.operations.terms import enter_terms
from medical_audit import clock
from medical_audit.domain.errors import NotPermitted, Refused, StaleContent
from medical_audit.models import Event, Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.accounts.house import House, newest
from tests.accounts.provider import CLIENT, SECRET, Provider, running
from tests.factories import past_every_guard, proof, unique

MAIL = "unyo@hospital.example.jp"


@pytest.fixture
def second() -> Iterator[Provider]:
    with running() as one:
        one.says = {"email": MAIL}
        yield one


def enter(house: House, issuer: str, client: str) -> None:
    house.decide(sign_on.enter_provider, "病院ID", issuer, client, SECRET, "email", "hospital.example.jp")


def is_in(house: House) -> bool:
    """He came by the provider, and the tenant opens: the answer is no way back to the provider."""
    client, _answer = house.come()
    return bool(client.get(house.stage.url("resources/")).status_code == 200)


def code(answer: Any) -> str:
    return answer.context["code"] if answer.status_code == 403 else ""


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (None, ("i", "c"), Replaces.NOTHING),
        (("i", "c"), ("i", "c"), Replaces.NOTHING),
        (("i", "c"), ("i", "d"), Replaces.CLIENT),
        (("i", "c"), ("j", "c"), Replaces.ISSUER),
    ],
)
def test_what_another_provider_replaces(before: Any, after: Any, what: Replaces) -> None:
    assert replaces(before, after) is what


def test_what_a_replaced_provider_said_opens_nothing_and_the_new_one_is_off(
    house: House,
    second: Provider,
) -> None:
    page, api = house.stage.url("resources/"), house.stage.api("resources/")
    client, _ = house.come()
    assert client.get(page).status_code == 200
    seat = newest(house.cast.people[Role.OPERATOR])
    enter(house, second.issuer, CLIENT)
    with tenant_scope(house.cast.tenant.id):
        assert SignOnProvider.objects.get().mode == "off"
        assert Event.objects.filter(kind="user.sign_on_unbound").count() == 1
        assert not SignOnLink.objects.filter(ended_at__isnull=True).exists()
        operation = Operation.objects.filter(kind="sign_on.set").latest("entered_at")
    assert (operation.shown["sign_on_replaces"], operation.shown["known_people"]) == ("issuer", 1)
    assert client.get(page).status_code == 302, "his session has ended"
    house.decide(sign_on.enter_switch, "offered", [])
    # One that was on its way to the door while the provider was replaced is held open: its word is the old one's.
    past_every_guard(
        'UPDATE medical_audit_session SET ended_at = NULL, "end" = %s WHERE id = %s', ["", seat.id]
    )
    past_every_guard(
        "UPDATE medical_audit_visit SET ended_at = NULL, \"end\" = '' WHERE session = %s", [seat.name]
    )
    late, _answer = House(house.stage, second).come()
    assert late.get(page).status_code == 200
    past_every_guard(
        "UPDATE medical_audit_session SET claims = %s WHERE name = %s",
        [
            f'{{"issuer": "{house.provider.issuer}", "client_id": "{CLIENT}"}}',
            newest(house.cast.people[Role.OPERATOR]).name,
        ],
    )
    assert late.get(page).status_code == 403
    assert late.get(api).json()["code"] == "signed_on_elsewhere"


def test_another_client_names_everybody_anew_for_some_days(house: House) -> None:
    """Some providers name a person by another id to each client (Entra ID): what was bound would shut everybody out."""
    client, _ = house.come()
    asked = client.get(house.address(), headers={"Sec-Fetch-Site": "same-origin"})
    house.provider.client = "toban-2"
    enter(house, house.provider.issuer, "toban-2")
    assert code(client.get(house.provider.sign_in(asked["Location"]))) == "sign_on_not_asked"
    assert client.get(house.stage.url("resources/")).status_code == 302
    other = house.cast.people[Role.VIEWER]
    house.decide(enter_terms, other.id, Terms(email="etsuran@hospital.example.jp"))
    house.provider.says = {"email": "etsuran@hospital.example.jp"}
    assert code(house.come()[1]) == "sign_on_name_given_anew", "an id that was his becomes nobody else's"
    house.provider.says = {"email": MAIL, "sub": "pairwise-2"}
    assert is_in(house)
    past_every_guard("DELETE FROM accounts_signonlink WHERE subject = %s", ["pairwise-2"])
    past_every_guard(
        "UPDATE medical_audit_operation SET finished_at = now() - interval '15 days' WHERE kind = %s",
        [SET],
    )
    assert code(house.come()[1]) == "sign_on_name_given_anew", "the days are over"


def test_two_people_let_the_provider_name_somebody_anew(house: House) -> None:
    cast, user = house.cast, house.cast.people[Role.OPERATOR]
    client, _ = house.come()
    house.provider.says |= {"sub": "sub-2"}
    assert code(house.come()[1]) == "sign_on_name_given_anew"
    sent = house.stage.client(Role.ADMINISTRATOR).post(
        house.stage.url(f"members/{user.id}/change/"), {"then": "unbind", "reason": "病院IDの作り直し"}
    )
    assert sent.status_code == 302
    assert code(house.come()[1]) == "sign_on_name_given_anew", "entered is not confirmed"
    with tenant_scope(cast.tenant.id):
        operation = Operation.objects.get(kind=UNBIND)
    assert operation.shown["email"] == MAIL
    confirmer, now = cast.actor(Role.APPROVER), clock.now()
    me = cast.actor(Role.ADMINISTRATOR)
    with pytest.raises(NotPermitted):
        entry.confirm(operation.id, actor=me, now=now, seen_digest=operation.digest, proof=proof(me, now))
    entry.confirm(
        operation.id, actor=confirmer, now=now, seen_digest=operation.digest, proof=proof(confirmer, now)
    )
    assert client.get(house.stage.url("resources/")).status_code == 302
    for _time in range(2):
        assert is_in(house)
    house.provider.says |= {"sub": "sub-1"}
    assert code(house.come()[1]) == "sign_on_name_given_anew", "the id of before is nobody's any more"
    with tenant_scope(cast.tenant.id):
        links = SignOnLink.objects.order_by("made_at").values_list("subject", "ended_operation")
        assert list(links) == [("sub-1", str(operation.id)), ("sub-2", "")]
        told = Event.objects.get(kind="user.sign_on_unbound")
        assert (told.subject_id, told.actor_id) == (str(user.id), confirmer.id)


def test_who_left_and_comes_again_is_known_by_his_new_account(house: House) -> None:
    """A closed account stays closed (ADR 23); the provider means the same person by the same id."""
    cast, user = house.cast, house.cast.people[Role.OPERATOR]
    house.come()
    house.decide(members.enter_close, user.id)
    assert code(house.come()[1]) == "sign_on_unknown_person"
    again = members.enter_invite(
        f"again-{unique()}", "再入職", "operator", MAIL,
        actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="再入職",
    )  # fmt: skip
    confirmer, now = cast.actor(Role.APPROVER), clock.now()
    seen = again.operation.digest
    entry.confirm(again.operation.id, actor=confirmer, now=now, seen_digest=seen, proof=proof(confirmer, now))
    assert is_in(house)
    with tenant_scope(cast.tenant.id):
        links = SignOnLink.objects.order_by("made_at").values_list("user_id", "ended_at")
        assert [(one == user.id, ended is None) for one, ended in links] == [(True, False), (False, True)]


def test_nobody_unbinds_himself_nor_without_the_operation(house: House) -> None:
    cast, user = house.cast, house.cast.people[Role.OPERATOR]
    house.come()
    administrator, now = cast.actor(Role.ADMINISTRATOR), clock.now()
    with pytest.raises(Refused, match="own_rights"):
        unbinding.enter_unbind(
            cast.people[Role.ADMINISTRATOR].id, actor=administrator, now=now, reason="自分のため"
        )
    about = unbinding.enter_unbind(cast.people[Role.APPROVER].id, actor=administrator, now=now, reason="x")
    him = cast.actor(Role.APPROVER)
    with pytest.raises(NotPermitted, match="own_rights"):
        entry.confirm(about.id, actor=him, now=now, seen_digest=about.digest, proof=proof(him, now))
    with tenant_scope(cast.tenant.id), pytest.raises(DatabaseError, match="confirmed operation"):
        SignOnLink.objects.update(ended_at=now, ended_operation=str(about.id))
    # By another address than the confirmer was shown nobody is let in.
    entered = unbinding.enter_unbind(user.id, actor=administrator, now=now, reason="作り直し")
    house.decide(enter_terms, user.id, Terms(email="betsu@hospital.example.jp"))
    with pytest.raises(StaleContent):
        entry.confirm(entered.id, actor=him, now=now, seen_digest=entered.digest, proof=proof(him, now))
    assert is_in(house), "nothing was unbound"


def test_who_does_not_come_in_time_waits_for_nobody_s_address(house: House) -> None:
    user = house.cast.people[Role.OPERATOR]
    house.come()
    house.decide(unbinding.enter_unbind, user.id)
    past_every_guard(
        "UPDATE medical_audit_operation SET finished_at = now() - interval '15 days' WHERE kind = %s",
        [UNBIND],
    )
    house.provider.says |= {"sub": "sub-2"}
    assert code(house.come(Client())[1]) == "sign_on_name_given_anew"
    house.decide(unbinding.enter_unbind, user.id)
    assert is_in(house)
