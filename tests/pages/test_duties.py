"""The duties of the trail as a hospital's auditor tries them (workflows §5, tests 22, 25 and 31): each clause once, end to end."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

from django.contrib.sessions.models import Session as StoredSession

from accounts.domain.permissions import Role
from config.saying.times import jst_exact, utc
from infra.operations import ruling
from medical_audit import clock
from medical_audit.domain.actor import Subject
from medical_audit.domain.seats import End
from medical_audit.domain.states import State
from medical_audit.models import Event, Operation
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import PASSWORD
from tests.pages.test_seats import Browser, browser, sweep
from tests.stage import Stage

__all__ = ["browser"]


def test_signing_in_a_wrong_password_a_record_looked_at_and_signing_out_are_four_rows(
    browser: Browser,
) -> None:
    """Test 22: each with its time, its address and what it was about."""
    browser.role, browser.meta = Role.AUDITOR, {"REMOTE_ADDR": "203.0.113.9"}
    browser.__post_init__()
    browser.client.post("/sign-in/", {"username": browser.user.username, "password": PASSWORD + "x"})
    browser.sign_in()
    with tenant_scope(browser.cast.tenant.id):
        looked_at = Event.objects.order_by("ord").values_list("id", flat=True)[0]
    browser.client.get(f"/t/{browser.cast.tenant.slug}/ledger/events/{looked_at}/")
    browser.client.post("/sign-out/")
    wanted = ("session.failed", "session.entered", "ledger.event_viewed", "session.signed_out")
    with tenant_scope(browser.cast.tenant.id):
        rows = list(Event.objects.filter(kind__in=wanted).order_by("ord"))
        assert [row.kind for row in rows] == list(wanted)
        assert all("203.0.113.9" in json.dumps(row.said) for row in rows)
        assert all(row.at.tzinfo is not None for row in rows)
        assert rows[2].subject_id == str(looked_at)
        assert {rows[0].subject_id, rows[1].actor_id, rows[3].actor_id} == {str(browser.user.id)}


def test_nothing_an_auditor_may_open_of_the_record_changes_it(browser: Browser) -> None:
    """Test 22: his pages are read-only; what is sent to them is refused or a reading."""
    browser.role = Role.AUDITOR
    browser.sign_in()
    with tenant_scope(browser.cast.tenant.id):
        event = Event.objects.order_by("ord").values_list("id", flat=True)[0]
    here = f"/t/{browser.cast.tenant.slug}/ledger/"
    for address in (here, f"{here}events/{event}/", f"/t/{browser.cast.tenant.slug}/audit/"):
        assert {getattr(browser.client, verb)(address).status_code for verb in ("post", "put", "delete")} == {
            405
        }


def test_a_quarter_of_an_hour_away_is_idle_and_a_lost_cookie_or_a_restart_leaves_nothing_open(
    browser: Browser, as_role: AsRole
) -> None:
    """Test 25: idle where the browser comes back, cut off where it does not; also when the store of cookies is gone."""
    browser.sign_in()
    browser.wait(minutes=15)
    assert browser.client.get(browser.here).status_code == 302
    assert browser.ends() == [End.IDLE]
    browser.client.cookies.clear()
    browser.sign_in()
    browser.client.cookies.clear()
    browser.sign_in()
    StoredSession.objects.all().delete()
    assert browser.client.get(browser.here).status_code == 302
    browser.wait(minutes=12)
    sweep(as_role)
    assert browser.ends() == [End.IDLE, End.CUT_OFF, End.CUT_OFF]
    assert [visit.end for visit in browser.visits()] == browser.ends()


def test_an_instant_is_the_same_on_the_page_and_in_the_interface_and_says_its_zone(stage: Stage) -> None:
    """Test 31: 2020-02-13T14:05:37Z is 23:05:37 in Japan, second 1581602737 of the epoch."""
    at = datetime.fromtimestamp(1581602737, UTC)
    with tenant_scope(stage.cast.tenant.id):
        actor, subject = (
            stage.cast.actor(Role.OPERATOR),
            Subject("volume", f"vol-{uuid.uuid4().hex[:8]}", "v"),
        )
        record("volume.named", actor=actor, subject=subject, now=at)
        event = Event.objects.get(subject_id=subject.id)
    client = stage.client(Role.AUDITOR)
    page = client.get(stage.url(f"ledger/events/{event.id}/")).content.decode()
    assert f"{jst_exact(event.event_at)} · {utc(event.event_at)}" in page
    assert f"{jst_exact(at)} · {utc(at)}" == "2020/2/13 (木) 23:05:37 JST · 2020-02-13T14:05:37Z"
    (told,) = client.get(f"/api/v1/tenants/{stage.cast.tenant.slug}/events/", {"subject": subject.id}).json()[
        "results"
    ]
    assert datetime.fromisoformat(told["at"]) == event.event_at
    assert datetime.fromisoformat(told["said"]["at"]).timestamp() == 1581602737
    assert all(
        datetime.fromisoformat(text).utcoffset() is not None for text in (told["at"], told["said"]["at"])
    )


def test_an_unconfirmed_draft_is_marked_and_becomes_valid_only_with_the_confirmers_password(
    stage: Stage,
) -> None:
    """Test 23; that a later change is a version of its own with both readable: test_corrections."""
    admin = stage.cast.actor(Role.ADMINISTRATOR)
    with tenant_scope(stage.cast.tenant.id):
        entered = ruling.enter_rules(
            brake_percent=20, brake_least=5, actor=admin, now=clock.now(), reason="停止件数の上限の見直し"
        )
    approver, here = stage.client(Role.APPROVER), stage.url(f"operations/{entered.id}/")
    assert "確定待ち" in approver.get(here).content.decode()
    refused = approver.post(f"{here}confirm/", {"digest": entered.digest, "password": ""})
    assert refused.status_code in (403, 422)
    assert "確定待ち" in approver.get(here).content.decode()
    approver.post(f"{here}confirm/", {"digest": entered.digest, "password": PASSWORD})
    with tenant_scope(stage.cast.tenant.id):
        row = Operation.objects.get(id=entered.id)
    assert (row.state, row.entered_by_id != row.confirmed_by_id) == (State.SUCCEEDED, True)
