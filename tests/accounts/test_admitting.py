"""Somebody of another house comes in when two people decide it and he agrees himself; before that it counts for nothing."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection
from django.test import Client

from accounts.domain.permissions import Role
from accounts.domain.terms import Terms
from accounts.models import Admission, Invitation, Membership, MemberTerms, User
from accounts.operations import admitting, links, members, signing, terms
from accounts.queries.people import person_without_tenant
from accounts.queries.sign_on import belongs_only_to
from accounts.requests import session_name
from medical_audit import clock
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.domain.seats import Origin
from medical_audit.models import Event, Operation
from medical_audit.operations import entry
from medical_audit.tenancy import platform_scope, tenant_scope
from tests.conftest import _admin
from tests.factories import PASSWORD, Cast, make_cast, past_every_guard, proof
from tests.medical_audit.test_forgetting import held_by_another, refused_after
from tests.stage import BACKEND, Stage, make_stage, signed_in

NEW = "raku-da wa sabaku 41"


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def decide(cast: Cast, enter: Any, *values: object) -> Operation:
    """Entered by the administrator and confirmed by the approver of this house."""
    entered = enter(*values, actor=cast.actor(Role.ADMINISTRATOR), now=clock.now(), reason="応援のため")
    operation: Operation = getattr(entered, "operation", entered)
    confirmer, now = cast.actor(Role.APPROVER), clock.now()
    entry.confirm(
        operation.id, actor=confirmer, now=now, seen_digest=operation.digest, proof=proof(confirmer, now)
    )
    return operation


def day(days: int) -> date:
    return clock.now().date() + timedelta(days=days)


def ask(cast: Cast, person: User, role: str = "viewer") -> Admission:
    decide(cast, admitting.enter_admit, person.username, role, "基盤運用", day(3))
    with tenant_scope(cast.tenant.id):
        found: Admission = Admission.objects.get(user=person, answer="open")
    return found


def agree(person: User, row: Admission) -> None:
    sent = {"then": "accept", "password": PASSWORD}
    assert signed_in(person).post(f"/admissions/{row.id}/", sent).status_code == 302


def over(cast: Cast, person: User) -> None:
    """His days in this house are over."""
    with tenant_scope(cast.tenant.id):
        known = MemberTerms.objects.filter(user=person).exists()
    if known:
        past_every_guard(
            "UPDATE accounts_memberterms SET ends_at = now() - interval '1 hour' WHERE tenant_id = %s AND user_id = %s",
            [cast.tenant.id, person.id],
        )
        return
    past_every_guard(
        "INSERT INTO accounts_memberterms (tenant_id, id, user_id, kind, ends_at, email, company, holder_id, holder_name, operation, "
        "changed_at) VALUES (%s, %s, %s, 'staff', now() - interval '1 hour', '', '', '', '', 'o', now())",
        [cast.tenant.id, uuid.uuid4(), person.id],
    )


def said_in(cast: Cast, kind: str) -> int:
    with tenant_scope(cast.tenant.id):
        return int(Event.objects.filter(kind=kind).count())


def test_whoever_lends_a_hand_from_outside_comes_in_when_he_agrees_and_is_ended_by_the_tenant(
    stage: Stage,
) -> None:
    cast, guest = stage.cast, stage.cast.stranger
    for name, last, code in (
        ("nobody-of-this-name", day(3), "no_such_person"),
        (guest.username, day(43), "guest_too_long"),
        (cast.people[Role.VIEWER].username, day(3), "nothing_changed"),
    ):
        with pytest.raises(Refused, match=code):
            decide(cast, admitting.enter_admit, name, "viewer", "基盤運用", last)
    row, client = ask(cast, guest), signed_in(guest)
    assert client.get("/")["Location"] == "/admissions/"
    assert "基盤運用" in client.get("/admissions/").content.decode()
    assert client.get("/")["Location"] != "/admissions/"  # shown once a session
    inbox = client.get(f"/t/{cast.other_tenant.slug}/inbox/").content.decode()
    assert "/admissions/" in inbox
    assert client.get(stage.url()).status_code == 404
    members_page = stage.client(Role.VIEWER).get(stage.url("members/")).content.decode()
    assert guest.username in members_page
    assert f"<b>{guest.name}</b>" not in members_page, "how he is called elsewhere is told with his agreement"
    sent = {"then": "accept", "password": "wrong"}
    assert client.post(f"/admissions/{row.id}/", sent).status_code == 422
    assert client.get(stage.url()).status_code == 404
    agree(guest, row)
    assert client.get(stage.url()).status_code == 200
    assert client.post(f"/admissions/{row.id}/", sent).status_code == 404
    with tenant_scope(cast.tenant.id):
        assert MemberTerms.objects.get(user=guest).ends_at is not None
        assert Event.objects.get(kind="member.admitted").actor_id == str(guest.id)
    decide(cast, members.enter_revoke, guest.id, "viewer")
    assert client.get(stage.url()).status_code == 404


def test_a_house_that_asks_is_told_nothing_and_decides_nothing(cast: Cast) -> None:
    other, person = make_cast(), cast.people[Role.OPERATOR]
    row = ask(other, person)
    wrong = {"username": person.username, "password": "wrong"}
    assert Client().post("/sign-in/", wrong).status_code == 422
    signed_in(person)
    assert said_in(cast, "session.failed") == 1
    for kind in ("session.failed", "session.entered", "emergency.account_used"):
        assert said_in(other, kind) == 0
    actor, now = other.actor(Role.ADMINISTRATOR), clock.now()
    with pytest.raises(NotFound):
        links.enter_reissue(person.id, "everything", actor=actor, now=now, reason="r")
    with pytest.raises(NotFound):
        terms.enter_terms(person.id, Terms(kind="emergency"), actor=actor, now=now, reason="r")
    with pytest.raises(NotPermitted):
        admitting.take_back(row.id, actor=other.actor(Role.OPERATOR), now=now)
    decide(cast, members.enter_close, person.id)  # his own house closes him all the same
    with platform_scope():
        assert not User.objects.get(id=person.id).is_active


def test_whose_days_are_over_in_his_own_house_is_not_taken_over_by_another(cast: Cast) -> None:
    other, person = make_cast(), cast.people[Role.OPERATOR]
    agree(person, ask(other, person))
    over(cast, person)
    assert not belongs_only_to(person, other.tenant.id)
    decide(other, links.enter_reissue, person.id, "everything")
    with platform_scope(user_id=person.id), tenant_scope(other.tenant.id, user_id=person.id):
        link = Invitation.objects.get(user=person)
    assert not links.opens(link, now=clock.now())


def test_whose_days_are_over_elsewhere_is_given_a_way_in_and_closed_at_home(cast: Cast) -> None:
    other, person = make_cast(), cast.people[Role.OPERATOR]
    agree(person, ask(other, person))
    with pytest.raises(Refused, match="belongs_elsewhere"):
        decide(cast, members.enter_close, person.id)
    assert not belongs_only_to(person, cast.tenant.id)
    over(other, person)
    assert belongs_only_to(person, cast.tenant.id)
    wrong = {"username": person.username, "password": "wrong"}
    assert Client().post("/sign-in/", wrong).status_code == 422
    assert said_in(other, "session.failed") == 0
    decide(cast, links.enter_reissue, person.id, "password")
    with tenant_scope(cast.tenant.id):
        assert links.opens(Invitation.objects.get(user=person), now=clock.now())
    again = ask(other, person, "operator")  # he comes once more only when he agrees once more
    assert again.role == "operator"
    decide(cast, members.enter_close, person.id)


def test_a_guest_stays_longer_only_when_he_agrees_and_his_account_stays_his_own(cast: Cast) -> None:
    other, person = make_cast(), cast.people[Role.OPERATOR]
    agree(person, ask(other, person))
    with pytest.raises(Refused, match="guest_is_ones_own"):
        decide(other, terms.enter_terms, person.id, Terms(kind="emergency"))
    with pytest.raises(Refused, match="guest_too_long"):
        decide(other, terms.enter_terms, person.id, Terms(kind="vendor", company="基盤運用", last=day(43)))
    longer = decide(
        other, terms.enter_terms, person.id, Terms(kind="vendor", company="基盤運用", last=day(20))
    )
    assert longer.shown["agrees"] == "yes"
    with tenant_scope(other.tenant.id):
        before = MemberTerms.objects.get(user=person).ends_at
        row = Admission.objects.get(user=person, answer="open")
    agree(person, row)
    with tenant_scope(other.tenant.id):
        assert MemberTerms.objects.get(user=person).ends_at > before
    decide(other, terms.enter_terms, person.id, Terms(kind="vendor", company="基盤運用", last=day(1)))
    with tenant_scope(other.tenant.id):
        assert MemberTerms.objects.get(user=person).ends_at <= before
        assert not Admission.objects.filter(user=person, answer="open").exists()


def test_a_guest_becomes_no_staff_without_his_agreement(cast: Cast) -> None:
    other, person = make_cast(), cast.people[Role.OPERATOR]
    agree(person, ask(other, person))
    with tenant_scope(other.tenant.id):
        last = MemberTerms.objects.get(user=person).ends_at - timedelta(days=1)
    wanted = Terms(kind="staff", last=last.astimezone(ZoneInfo("Asia/Tokyo")).date())
    assert decide(other, terms.enter_terms, person.id, wanted).shown["agrees"] == "yes"
    with tenant_scope(other.tenant.id):
        assert MemberTerms.objects.get(user=person).kind == "vendor"
        row = Admission.objects.get(user=person, answer="open")
    assert "職員" in signed_in(person).get("/admissions/").content.decode()
    agree(person, row)
    with tenant_scope(other.tenant.id):
        assert MemberTerms.objects.get(user=person).kind == "staff"


def test_closing_and_agreeing_at_the_same_moment_leave_nobody_closed_and_admitted(
    cast: Cast,
) -> None:
    other, person = make_cast(), cast.people[Role.OPERATOR]
    row, house = ask(other, person), cast.tenant.id
    actor, confirmer, now = cast.actor(Role.ADMINISTRATOR), cast.actor(Role.APPROVER), clock.now()
    close = members.enter_close(person.id, actor=actor, now=now, reason="退職")
    me = person_without_tenant(person, person.name, session="", address="192.0.2.7", request="r")
    role = "INSERT INTO accounts_membership (tenant_id, id, role, granted_at, user_id) VALUES (%s, %s, 'viewer', now(), %s)"
    gone = "DELETE FROM accounts_membership WHERE tenant_id = %s AND user_id = %s"
    closed = "UPDATE accounts_user SET is_active = false WHERE id = %s"
    with _admin(connection.settings_dict["NAME"]) as watching:
        with held_by_another(role, [other.tenant.id, uuid.uuid4(), person.id]) as agreeing:
            closing = refused_after(
                lambda: entry.confirm(
                    close.id, actor=confirmer, now=now, seen_digest=close.digest, proof=proof(confirmer, now)
                ),
                agreeing,
                watching,
            )
        assert closing is not None
        assert closing.code == "belongs_elsewhere"
        past_every_guard(gone, [other.tenant.id, person.id])
        with held_by_another(closed, [person.id]) as other_side:
            found = refused_after(
                lambda: admitting.accept(row.id, person, actor=me, now=now, proof=proof(me, now)),
                other_side,
                watching,
            )
    assert isinstance(found, NotFound)
    with tenant_scope(house):
        assert Operation.objects.get(id=close.id).state == "ENTERED"


def test_a_newer_decision_lays_an_older_question_aside(cast: Cast) -> None:
    guest = cast.stranger
    agree(guest, ask(cast, guest))
    longer = Terms(kind="vendor", company="基盤運用", last=day(9))
    decide(cast, terms.enter_terms, guest.id, longer)
    with tenant_scope(cast.tenant.id):
        asked = Admission.objects.get(user=guest, answer="open")
    decide(cast, terms.enter_terms, guest.id, Terms(kind="vendor", company="基盤運用", last=day(1)))
    sent = {"then": "accept", "password": PASSWORD}
    assert signed_in(guest).post(f"/admissions/{asked.id}/", sent).status_code == 404
    with tenant_scope(cast.tenant.id):
        ends = MemberTerms.objects.get(user=guest).ends_at
        assert ends is not None
        assert ends < clock.now() + timedelta(days=3)


def test_who_refuses_or_is_asked_no_more_belongs_nowhere_new(stage: Stage) -> None:
    cast, guest = stage.cast, stage.cast.stranger
    row, client = ask(cast, guest), signed_in(guest)
    assert client.post(f"/admissions/{row.id}/", {"then": "refuse"}).status_code == 302
    with tenant_scope(cast.tenant.id):
        told = Event.objects.get(kind="member.admission_refused")
        assert re.search(r'"address":"?[^",}]+', told.body) is None
    row = ask(cast, guest)
    url = stage.url(f"members/admissions/{row.id}/take-back/")
    assert stage.client(Role.VIEWER).post(url).status_code == 403
    assert stage.client(Role.ADMINISTRATOR).post(url).status_code == 302
    assert client.post(f"/admissions/{row.id}/", {"then": "accept", "password": PASSWORD}).status_code == 404
    assert client.get(stage.url()).status_code == 404


def test_a_session_that_one_house_vouched_for_is_told_nothing_of_another(cast: Cast) -> None:
    other, person = make_cast(), cast.people[Role.OPERATOR]
    row, client = ask(other, person), Client()
    with platform_scope():
        client.force_login(person, backend=BACKEND)
        name = session_name(client.session.session_key or "")
        signing.sign_in(
            person, session=name, origin=Origin("192.0.2.7"), now=clock.now(), method="sso", via=cast.tenant.id, claims={}
        )  # fmt: skip
    assert other.tenant.name not in client.get("/admissions/").content.decode()
    sent = {"then": "accept", "password": PASSWORD}
    assert client.post(f"/admissions/{row.id}/", sent).status_code == 404


def test_the_database_gives_no_role_without_the_person_s_answer(cast: Cast) -> None:
    other, person, now = make_cast(), cast.people[Role.OPERATOR], clock.now()
    row = ask(other, person)
    attacks: list[Any] = [
        lambda: Membership(tenant_id=other.tenant.id, user=person, role="viewer", granted_at=now).save(
            force_insert=True
        ),
        lambda: Admission(
            tenant_id=other.tenant.id, user=other.people[Role.VIEWER], house="h", role="approver",
            operation=row.operation, asked_at=now,
        ).save(force_insert=True),
        lambda: MemberTerms(
            tenant_id=other.tenant.id, user=person, kind="vendor", ends_at=row.ends_at, operation=row.operation, changed_at=now
        ).save(force_insert=True),
    ]  # fmt: skip
    for attack in attacks:
        with (
            pytest.raises(DatabaseError, match="only by a confirmed operation"),
            tenant_scope(other.tenant.id),
        ):
            attack()
