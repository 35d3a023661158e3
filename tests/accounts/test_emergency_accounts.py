"""An account that lies in a sealed envelope opens nothing but under an emergency right, and its use is told at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.permissions import Permission, Role
from accounts.domain.terms import Terms
from accounts.models import NoticeChoice
from accounts.operations import notices, own_chats, terms, tokens
from accounts.queries.people import People
from medical_audit import clock
from medical_audit.domain.errors import NotPermitted
from medical_audit.models import Emergency, Event
from medical_audit.operations import emergencies
from medical_audit.tenancy import tenant_scope
from tests.accounts.channels import follow, happens
from tests.accounts.test_terms import decide
from tests.conftest import AsRole
from tests.factories import Cast
from tests.stage import Stage, make_stage, signed_in
from tests.tokens import bearer, make_token


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast)


def test_it_is_sealed_until_two_others_open_it_and_again_afterwards(stage: Stage) -> None:
    cast, envelope = stage.cast, stage.cast.people[Role.OPERATOR]
    program, browser = bearer(make_token(cast, Role.OPERATOR)), signed_in(envelope)
    decide(cast, terms.enter_terms, envelope.id, Terms(kind="emergency"))
    page = browser.get(stage.url("operations/"))
    assert page.status_code == 403
    assert f'href="{stage.url("operations/")}"' in page.content.decode()  # to try again
    assert browser.get(stage.api("resources/")).json()["code"] == "emergency_sealed"
    assert program.get(stage.api("resources/")).status_code == 401

    def holds(right: str = Permission.POWER_ENTER) -> bool:
        with tenant_scope(cast.tenant.id):
            return People().holds(cast.tenant.id, str(envelope.id), right, "")

    assert not holds()  # nor does what he confirmed before go on
    decide(cast, emergencies.enter_open, str(envelope.id), 30, by=Role.VIEWER)
    assert browser.get(stage.url("operations/")).status_code == 200
    assert holds()
    with pytest.raises(NotPermitted):
        tokens.enter_token(
            "x", ["resource.view"], [], clock.now() + timedelta(days=1),
            actor=cast.actor(Role.OPERATOR), now=clock.now(), reason="r",
        )  # fmt: skip
    with tenant_scope(cast.tenant.id):
        row = Emergency.objects.get()
    emergencies.close(row.id, actor=cast.actor(Role.APPROVER), now=clock.now())
    assert browser.get(stage.url("operations/")).status_code == 403
    assert not holds()


def test_while_it_is_sealed_nothing_is_mailed_or_sent_to_who_chose_it_before(
    cast: Cast, as_role: AsRole
) -> None:
    actor, now = cast.actor(Role.OPERATOR), clock.now()
    notices.choose(inbox=[], mail=["failed"], address="a@example.jp", language="ja", actor=actor, now=now)
    own_chats.choose_chat("slack", ["failed"], "http://127.0.0.1:9/mine", "ja", actor=actor, now=now)
    decide(cast, terms.enter_terms, cast.people[Role.OPERATOR].id, Terms(kind="emergency"))
    happens(cast)
    with as_role("worker"):
        assert notices.prepare(cast.tenant.id, now=now + timedelta(minutes=30)) == []
    assert follow(cast) == 0
    decide(cast, emergencies.enter_open, actor.id, 30, by=Role.VIEWER)
    happens(cast)
    assert follow(cast) == 1


def test_its_use_is_told_at_once_opened_or_not(stage: Stage, as_role: AsRole) -> None:
    cast, envelope, approver = stage.cast, stage.cast.people[Role.OPERATOR], stage.cast.actor(Role.APPROVER)
    decide(cast, terms.enter_terms, envelope.id, Terms(kind="emergency"))
    notices.choose(
        inbox=["emergency"],
        mail=["emergency"],
        address="a@example.jp",
        language="ja",
        actor=approver,
        now=clock.now(),
    )
    with as_role("worker"), tenant_scope(cast.tenant.id):
        NoticeChoice.objects.update(mail_after=clock.now() + timedelta(minutes=4))
    signed_in(envelope)
    with tenant_scope(cast.tenant.id):
        assert '"sealed":true' in Event.objects.get(kind="emergency.account_used").body
    with as_role("worker"):
        (digest,) = notices.prepare(
            cast.tenant.id, now=clock.now()
        )  # does not wait for the next one that is due
    assert [one.event.kind for one in digest.news] == ["emergency.account_used"]
    signed_in(cast.people[Role.VIEWER])
    with tenant_scope(cast.tenant.id):
        assert Event.objects.filter(kind="emergency.account_used").count() == 1
