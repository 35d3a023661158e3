"""Who belongs to a tenant: invited by one person and confirmed by another, changed the same way, closed at once."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.domain.permissions import ROLE_PERMISSIONS, Permission, Role
from accounts.models import ApiToken, Invitation, Membership, User
from accounts.operations import links, members
from medical_audit import clock
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, NotPermitted, Refused, StaleContent
from medical_audit.models import Event, Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.factories import PASSWORD, Cast, grant, proof, unique
from tests.stage import Stage, make_stage, signed_in
from tests.tokens import bearer, make_token

OWN = "raku-da wa sabaku 41"


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def confirm(operation: Operation, actor: Actor) -> Operation:
    now = clock.now()
    return entry.confirm(
        operation.id, actor=actor, now=now, seen_digest=operation.digest, proof=proof(actor, now)
    )


def call(function: Any, *values: object, cast: Cast, role: Role = Role.ADMINISTRATOR) -> Any:
    return function(*values, actor=cast.actor(role), now=clock.now(), reason="人事異動のため")


def roles_of(cast: Cast, user: User) -> list[str]:
    with tenant_scope(cast.tenant.id):
        return sorted(Membership.objects.filter(user=user).values_list("role", flat=True))


def test_somebody_new_comes_in_by_a_link_with_his_own_password(stage: Stage) -> None:
    cast, name = stage.cast, f"sato-{unique()}"
    page = stage.client(Role.ADMINISTRATOR).post(
        stage.url("members/"), {"username": name, "name": "佐藤", "role": "operator", "reason": "入職"}
    )
    assert page.status_code == 200
    found = re.search(r"/invitation/[0-9a-f]{32}_[A-Za-z0-9_-]{43}/", page.content.decode())
    assert found
    assert Client().get(found[0]).status_code == 404  # nobody has confirmed it yet
    with tenant_scope(cast.tenant.id):
        operation = Operation.objects.get(kind="member.invite")
    code = confirm(operation, cast.actor(Role.APPROVER)).told_once
    stranger = Client()
    assert stranger.get(found[0]).status_code == 200
    for weak in (name, "short-1", "password12345", "1234567890123", "Toban-Hospital-2026!"):
        assert stranger.post(found[0], {"code": code, "password": weak, "again": weak}).status_code == 422
    assert stranger.post(found[0], {"code": code, "password": OWN, "again": "other"}).status_code == 422
    assert stranger.post(found[0], {"code": code, "password": OWN, "again": OWN}).status_code == 302
    assert stranger.get(found[0]).status_code == 404
    assert stranger.post("/sign-in/", {"username": name, "password": OWN}).status_code == 302
    assert stranger.get(stage.url()).status_code == 200
    with tenant_scope(cast.tenant.id):
        assert found[0].partition("_")[2].rstrip("/") not in str(Invitation.objects.values_list())


def test_neither_of_the_two_who_decide_holds_the_whole_way_in(stage: Stage) -> None:
    cast, now = stage.cast, clock.now()
    invited = call(members.enter_invite, f"mori-{unique()}", "森", "approver", cast=cast)
    url, digest = f"/invitation/{invited.link}/", invited.operation.digest
    sent = {"digest": digest, "password": PASSWORD}
    page = stage.client(Role.APPROVER).post(stage.url(f"operations/{invited.operation.id}/confirm/"), sent)
    code = page.context["told_once"]
    assert len(code) == 19
    assert code in page.content.decode()
    # The enterer has the link alone, the confirmer the code alone; nobody reads either of them anywhere afterwards.
    for guess in ("", "x", code[:-1] + ("2" if code[-1] != "2" else "3")):
        assert Client().post(url, {"code": guess, "password": OWN, "again": OWN}).status_code == 422
    with tenant_scope(cast.tenant.id):
        kept = str([*Invitation.objects.values(), *Operation.objects.values(), *Event.objects.values()])
    assert code not in kept
    assert code.replace("-", "") not in kept
    for role in (Role.ADMINISTRATOR, Role.APPROVER):
        assert (
            code
            not in stage.client(role).get(stage.url(f"operations/{invited.operation.id}/")).content.decode()
        )
    link = links.find_link(invited.link, now=now)
    assert link is not None
    with pytest.raises(Refused, match="other_half_wrong"):
        links.accept(link, "", OWN, actor=cast.actor(Role.VIEWER), now=now)
    typed = code.upper().replace("-", " ")
    assert Client().post(url, {"code": typed, "password": OWN, "again": OWN}).status_code == 302


def test_a_link_is_over_after_a_week_and_with_the_account(cast: Cast) -> None:
    invited = call(members.enter_invite, f"ito-{unique()}", "伊藤", "viewer", cast=cast)
    confirm(invited.operation, cast.actor(Role.APPROVER))
    now = clock.now()
    assert links.find_link(invited.link, now=now) is not None
    assert links.find_link(invited.link, now=now + links.LINK_HOLDS) is None
    for wrong in ("", "x", f"{uuid.uuid4().hex}_{invited.link.partition('_')[2]}", invited.link[:-1]):
        assert links.find_link(wrong, now=now) is None


@pytest.mark.parametrize(
    ("username", "name", "role", "code"),
    [("x", "名", "viewer", "bad_username"), ("a b", "名", "viewer", "bad_username"), ("good", "", "viewer", "bad_person_name"),
     ("good", "a\x00", "viewer", "bad_person_name"), ("good", "名", "king", "bad_role")],
)  # fmt: skip
def test_a_bad_invitation_says_why(cast: Cast, username: str, name: str, role: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        call(members.enter_invite, username, name, role, cast=cast)


def test_a_taken_user_name_is_refused_at_entry_and_at_confirmation(cast: Cast) -> None:
    with pytest.raises(Refused, match="username_taken"):
        call(members.enter_invite, cast.people[Role.VIEWER].username, "名", "viewer", cast=cast)
    name = f"kato-{unique()}"
    first, second = (call(members.enter_invite, name, "加藤", "viewer", cast=cast) for _one in range(2))
    confirm(first.operation, cast.actor(Role.APPROVER))
    with pytest.raises(Refused, match="username_taken"):
        confirm(second.operation, cast.actor(Role.APPROVER))


def test_roles_change_with_before_and_after_and_at_once(stage: Stage) -> None:
    cast, person = stage.cast, stage.cast.people[Role.VIEWER]
    client = signed_in(person)
    given = call(members.enter_grant, person.id, "auditor", cast=cast)
    assert given.shown["roles_before"] == ["viewer"]
    assert given.shown["roles_after"] == ["auditor", "viewer"]
    assert client.get(stage.url("ledger/")).status_code == 403
    confirm(given, cast.actor(Role.APPROVER))
    assert client.get(stage.url("ledger/")).status_code == 200
    taken = call(members.enter_revoke, person.id, "auditor", cast=cast)
    confirm(taken, cast.actor(Role.APPROVER))
    assert client.get(stage.url("ledger/")).status_code == 403
    assert roles_of(cast, person) == ["viewer"]


def test_nobody_decides_about_himself(cast: Cast) -> None:
    for function, role in ((members.enter_grant, "approver"), (members.enter_revoke, "administrator")):
        with pytest.raises(Refused, match="own_rights"):
            call(function, cast.people[Role.ADMINISTRATOR].id, role, cast=cast)
    about_the_approver = call(members.enter_grant, cast.people[Role.APPROVER].id, "administrator", cast=cast)
    with pytest.raises(NotPermitted, match="own_rights"):
        confirm(about_the_approver, cast.actor(Role.APPROVER))
    assert roles_of(cast, cast.people[Role.APPROVER]) == ["approver"]


def test_who_enters_does_not_confirm(cast: Cast) -> None:
    entered = call(members.enter_grant, cast.people[Role.VIEWER].id, "operator", cast=cast)
    with pytest.raises(NotPermitted):
        confirm(entered, cast.actor(Role.ADMINISTRATOR))
    for role in (Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.AUDITOR):
        with pytest.raises((NotPermitted, Refused)):
            call(members.enter_grant, cast.people[Role.OPERATOR].id, "administrator", cast=cast, role=role)


def test_what_was_shown_must_still_hold(cast: Cast) -> None:
    person = cast.people[Role.VIEWER]
    first = call(members.enter_grant, person.id, "operator", cast=cast)
    second = call(members.enter_grant, person.id, "auditor", cast=cast)
    confirm(first, cast.actor(Role.APPROVER))
    with pytest.raises(StaleContent, match="roles_changed"):
        confirm(second, cast.actor(Role.APPROVER))


def test_an_account_is_closed_with_everything_that_hangs_on_it(stage: Stage) -> None:
    cast, person = stage.cast, stage.cast.people[Role.OPERATOR]
    browser, program = signed_in(person), bearer(make_token(cast, Role.OPERATOR))
    assert browser.get(stage.url()).status_code == 200
    assert program.get(stage.api()).status_code == 200
    confirm(call(members.enter_close, person.id, cast=cast), cast.actor(Role.APPROVER))
    assert browser.get(stage.url()).status_code == 302
    assert program.get(stage.api()).json()["code"] == "token_over"
    assert Client().post("/sign-in/", {"username": person.username, "password": PASSWORD}).status_code == 422
    assert roles_of(cast, person) == []
    with tenant_scope(cast.tenant.id):
        assert ApiToken.objects.filter(user=person, ended_at__isnull=True).count() == 0
    assert User.objects.filter(id=person.id, is_active=False).exists()


def test_who_belongs_elsewhere_is_not_closed_from_here(cast: Cast) -> None:
    person = cast.people[Role.OPERATOR]
    grant(cast.other_tenant.id, person, Role.VIEWER)
    with pytest.raises(Refused, match="belongs_elsewhere"):
        call(members.enter_close, person.id, cast=cast)


def test_a_stranger_is_not_found(cast: Cast) -> None:
    for unknown in (cast.stranger.id, uuid.uuid4()):
        with pytest.raises(NotFound):
            call(members.enter_grant, unknown, "viewer", cast=cast)


def test_the_database_lets_nobody_write_a_role_without_a_confirmed_operation(stage: Stage) -> None:
    cast, person = stage.cast, stage.cast.people[Role.VIEWER]
    stage.entered()
    attacks: list[Any] = [
        lambda: Membership(
            tenant_id=cast.tenant.id, user=person, role="administrator", granted_at=clock.now()
        ).save(force_insert=True),
        lambda: Membership.objects.filter(user=person).update(role="administrator"),
        lambda: Membership.objects.filter(user=person).delete(),
    ]
    for attack in attacks:
        with pytest.raises(DatabaseError), tenant_scope(cast.tenant.id):
            attack()
    assert roles_of(cast, person) == ["viewer"]


def test_the_page_prints_the_table_that_the_code_holds(stage: Stage) -> None:
    page = stage.client(Role.VIEWER).get(stage.url("members/")).content.decode()
    rows = re.findall(r'<tr data-permission="([a-z.]+)">(.*?)</tr>', page, re.DOTALL)
    assert [name for name, _cells in rows] == [str(one) for one in Permission]
    for name, cells in rows:
        held = [
            role
            for role, cell in zip(Role, re.findall(r"<td.*?</td>", cells, re.DOTALL), strict=True)
            if "state-done" in cell
        ]
        assert held == [role for role in Role if name in ROLE_PERMISSIONS[role]], name


def test_ones_own_password_is_changed_with_the_old_one_and_ends_every_session(cast: Cast) -> None:
    user = cast.people[Role.OPERATOR]
    here, there = signed_in(user), signed_in(user)
    wrong = here.post("/password/", {"current": "wrong", "password": OWN, "again": OWN})
    assert wrong.status_code == 422
    assert here.post("/password/", {"current": PASSWORD, "password": OWN, "again": OWN}).status_code == 302
    for client in (here, there):
        assert client.get(f"/t/{cast.tenant.slug}/").status_code == 302
    assert Client().post("/sign-in/", {"username": user.username, "password": PASSWORD}).status_code == 422
    assert Client().post("/sign-in/", {"username": user.username, "password": OWN}).status_code == 302
