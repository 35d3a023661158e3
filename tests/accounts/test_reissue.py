"""Somebody who cannot come in any more gets his way in anew: by two people of each tenant that his account opens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.domain.permissions import Role
from accounts.domain.reissue import Reissue, agreed
from accounts.domain.terms import Terms
from accounts.models import Invitation, User
from accounts.operations import admitting, links, members, second_factor, terms
from medical_audit import clock
from medical_audit.domain.actor import NO_TENANT
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.models import Event, Operation
from medical_audit.operations import entry
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.accounts.test_second_factor import code_at, enrolled
from tests.factories import PASSWORD, Cast, change, grant, make_cast, proof
from tests.stage import Stage, make_stage, signed_in
from tests.tokens import bearer, make_token

NEW = "raku-da wa sabaku 41"
FIRST, SECOND, THIRD = (NO_TENANT.__class__(int=number) for number in (1, 2, 3))


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


@dataclass(frozen=True)
class Given:
    """Both halves, as the person holds them."""

    operation: Operation
    link: str
    code: str

    @property
    def url(self) -> str:
        return f"/invitation/{self.link}/"

    def typed(self, password: str) -> dict[str, str]:
        return {"code": self.code, "password": password, "again": password}


def reissue(cast: Cast, person: User, what: str = "password") -> Given:
    made = links.enter_reissue(
        person.id, what, actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="端末の紛失"
    )
    return Given(made.operation, made.link, confirm(made.operation, cast).told_once)


def confirm(operation: Operation, cast: Cast) -> Operation:
    actor, now = cast.actor(Role.APPROVER), clock.now()
    seen = operation.digest
    return entry.confirm(operation.id, actor=actor, now=now, seen_digest=seen, proof=proof(actor, now))


def test_as_little_is_given_as_any_tenant_says_and_nothing_before_all_have_said_it() -> None:
    assert agreed([FIRST], {FIRST: "everything"}) == Reissue.EVERYTHING
    assert agreed([FIRST, SECOND], {FIRST: "everything", SECOND: "password"}) == Reissue.PASSWORD
    assert agreed([FIRST, SECOND], {FIRST: "everything"}) is None
    assert agreed([FIRST], {SECOND: "everything"}) is None
    assert agreed([], {THIRD: "everything"}) is None


def test_a_lost_phone_is_answered_by_a_link_that_two_people_gave(stage: Stage) -> None:
    cast, person = stage.cast, stage.cast.people[Role.OPERATOR]
    enrolled(person)
    browser, program = signed_in(person), bearer(make_token(cast, Role.OPERATOR))
    page = stage.client(Role.ADMINISTRATOR).post(
        stage.url(f"members/{person.id}/change/"),
        {"then": "reissue", "what": "everything", "reason": "端末の紛失"},
    )
    found = re.search(r"/invitation/[0-9a-f]{32}_[A-Za-z0-9_-]{43}/", page.content.decode())
    assert found
    with tenant_scope(cast.tenant.id):
        operation = Operation.objects.get(kind="member.reissue")
    assert found[0].partition("_")[2].rstrip("/") not in str(operation.parameters)
    door = Client()
    assert door.get(found[0]).status_code == 404  # nobody has confirmed it yet
    code = confirm(operation, cast).told_once
    assert browser.get(stage.url()).status_code == 200  # nothing is void before he comes
    assert door.get(found[0]).status_code == 200
    short = door.post(
        found[0], {"code": code, "password": "kumo-7-ki", "again": "kumo-7-ki"}
    )  # enough beside a factor only
    assert (short.status_code, second_factor.is_enrolled(person.id)) == (422, True)
    assert door.post(found[0], {"code": code, "password": NEW, "again": NEW}).status_code == 302
    assert door.get(found[0]).status_code == 404
    assert not second_factor.is_enrolled(person.id)
    assert browser.get(stage.url()).status_code == 302
    assert program.get(stage.api("resources/")).status_code == 401
    assert door.post("/sign-in/", {"username": person.username, "password": PASSWORD}).status_code == 422
    assert door.post("/sign-in/", {"username": person.username, "password": NEW}).status_code == 302
    with tenant_scope(cast.tenant.id):
        assert Event.objects.filter(kind="user.reissued").count() == 1


def test_a_forgotten_password_leaves_the_second_factor_and_tokens(stage: Stage) -> None:
    cast, person = stage.cast, stage.cast.people[Role.OPERATOR]
    program = bearer(make_token(cast, Role.OPERATOR))
    enrolled(person)
    given = reissue(cast, person)
    listed = stage.client(Role.ADMINISTRATOR).get(stage.url("members/")).context["rows"]
    assert not next(one for one in listed if one.user == person).invited  # he came long ago
    assert Client().post(given.url, given.typed(NEW)).status_code == 302
    assert second_factor.is_enrolled(person.id)
    assert program.get(stage.api("resources/")).status_code == 200
    door = Client()
    assert door.post("/sign-in/", {"username": person.username, "password": NEW})["Location"].startswith(
        "/sign-in/code/"
    )


def test_no_tenant_opens_an_account_of_another_one_alone(cast: Cast) -> None:
    other, person = make_cast(), cast.people[Role.OPERATOR]
    grant(other.tenant.id, person, Role.VIEWER)
    first = reissue(cast, person, "everything")
    assert first.operation.shown["elsewhere"] == "yes"
    door = Client()
    assert door.get(first.url).status_code == 409
    assert door.post(first.url, first.typed(NEW)).status_code == 409
    link = links.find_link(first.link, now=clock.now())
    assert link is not None
    with pytest.raises(NotFound):
        links.accept(link, first.code, NEW, actor=cast.actor(Role.OPERATOR), now=clock.now())
    second = reissue(other, person, "password")
    assert door.post(first.url, first.typed(NEW)).status_code == 302
    assert links.find_link(second.link, now=clock.now()) is None
    for house in (cast, other):
        with tenant_scope(house.tenant.id):
            assert '"reissues":"password"' in Event.objects.get(kind="user.reissued").body


def test_a_tenant_that_lets_him_in_afterwards_is_asked_too(cast: Cast) -> None:
    other, person = make_cast(), cast.people[Role.OPERATOR]
    given = reissue(cast, person)
    grant(other.tenant.id, person, Role.VIEWER)
    assert Client().get(given.url).status_code == 409
    never_came = members.enter_invite(
        f"n-{cast.tenant.slug}",
        "来",
        "viewer",
        actor=cast.actor(Role.ADMINISTRATOR),
        now=clock.now(),
        reason="r",
    )
    confirm(never_came.operation, cast)
    with pytest.raises(Refused, match="no_such_person"):  # whoever holds that link would come in here, too
        admitting.enter_admit(
            f"n-{cast.tenant.slug}", "viewer", "保守", clock.now().date(),
            actor=other.actor(Role.ADMINISTRATOR), now=clock.now(), reason="r",
        )  # fmt: skip


def test_an_account_that_several_people_share_is_let_in_nowhere_else(cast: Cast) -> None:
    other, shared = make_cast(), cast.people[Role.VIEWER]
    holder = str(cast.people[Role.OPERATOR].id)
    entered = terms.enter_terms(
        shared.id,
        Terms(kind="shared", holder=holder),
        actor=cast.actor(Role.ADMINISTRATOR),
        now=clock.now(),
        reason="r",
    )
    confirm(entered, cast)
    with pytest.raises(Refused, match="no_such_person"):
        admitting.enter_admit(
            shared.username, "approver", "保守", clock.now().date(), actor=other.actor(Role.ADMINISTRATOR),
            now=clock.now(), reason="r",
        )  # fmt: skip


def test_whose_account_was_closed_while_he_typed_gets_no_password(cast: Cast) -> None:
    person = cast.people[Role.OPERATOR]
    given = reissue(cast, person)
    link = links.find_link(given.link, now=clock.now())
    assert link is not None
    change(person, is_active=False)
    with pytest.raises(NotFound):
        links.accept(link, given.code, NEW, actor=cast.actor(Role.VIEWER), now=clock.now())
    with platform_scope():
        person.refresh_from_db()
    assert not person.check_password(NEW)


def test_a_password_from_before_begins_no_session_by_its_second_step(cast: Cast) -> None:
    person, door = cast.people[Role.OPERATOR], Client()
    secret, _codes = enrolled(person)
    half = door.post("/sign-in/", {"username": person.username, "password": PASSWORD})
    assert half["Location"].startswith("/sign-in/code/")
    given = reissue(cast, person)
    assert Client().post(given.url, given.typed(NEW)).status_code == 302
    late = clock.now() + timedelta(seconds=second_factor.STEP_S)
    assert door.post("/sign-in/code/", {"code": code_at(secret, late)})["Location"] == "/sign-in/"


def test_nobody_gives_it_to_himself_and_the_database_holds_it(cast: Cast) -> None:
    now, administrator = clock.now(), cast.actor(Role.ADMINISTRATOR)
    with pytest.raises(Refused, match="own_rights"):
        links.enter_reissue(
            cast.people[Role.ADMINISTRATOR].id, "password", actor=administrator, now=now, reason="r"
        )
    with pytest.raises(NotPermitted):
        links.enter_reissue(
            cast.people[Role.VIEWER].id, "password", actor=cast.actor(Role.OPERATOR), now=now, reason="r"
        )
    approver = cast.people[Role.APPROVER]
    about_him = links.enter_reissue(approver.id, "everything", actor=administrator, now=now, reason="r")
    with pytest.raises(NotPermitted, match="own_rights"):
        confirm(about_him.operation, cast)
    row = Invitation(
        tenant_id=cast.tenant.id, user=approver, hashed=about_him.operation.parameters["hashed"], made_at=now, expires_at=now,
        operation=str(about_him.operation.id), reissues="everything",
    )  # fmt: skip
    with tenant_scope(cast.tenant.id), pytest.raises(DatabaseError, match="only by a confirmed operation"):
        row.save(force_insert=True)
    with platform_scope():
        assert list(Invitation.own.all()) == []
