"""Questions to the ledger: each filter finds what it names, the question is recorded, and a person may keep it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from accounts.domain.permissions import Role
from infra.models import CompanyDay
from medical_audit import clock
from medical_audit.domain.actor import Actor, ActorType, Principal
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.working_days import working_days
from medical_audit.models import Event
from medical_audit.operations import saving_searches
from medical_audit.operations.reading import read_ledger
from medical_audit.queries.events import EventFilter, count_up_to
from medical_audit.queries.paging import Cursors
from medical_audit.queries.saved_searches import saved_searches
from medical_audit.tenancy import tenant_scope
from tests.factories import Cast, make_cast
from tests.medical_audit.support import plant
from tests.medical_audit.test_exports import FORMULA, note, told
from tests.stage import signed_in


@pytest.fixture
def own(django_db_setup: None) -> Cast:
    """A tenant of its own with two volumes that were named."""
    cast = make_cast()
    note(cast, FORMULA)
    note(cast, "髙橋 𠮷野")
    return cast


def _found(cast: Cast, **asked: Any) -> int:
    with tenant_scope(cast.tenant.id):
        return count_up_to(EventFilter(**asked), 100, actor=cast.actor(Role.AUDITOR))


def test_each_filter_finds_what_it_names_and_nothing_that_only_looks_like_it(own: Cast) -> None:
    operator = own.actor(Role.OPERATOR)
    here = Actor(
        operator.tenant_id, ActorType.USER, operator.id, operator.name, ("operator",),
        session="s-123", address="10.0.0.1",
    )  # fmt: skip
    note(own, "here", actor=here)
    note(own, 'only says "address":"10.0.0.1" and "behalf":{ and "s-123"', actor=operator)
    note(own, "for her", actor=operator, on_behalf_of=Principal("u-9", "鈴木"))
    assert _found(own, address="10.0.0.1") == 1
    assert _found(own, address="10.0.0.") == 0
    assert _found(own, session="s-123") == 1
    assert _found(own, proxy=True) == 1
    assert _found(own, role="operator", kind="volume.named") == 5
    assert _found(own, role="auditor", kind="volume.named") == 0
    assert _found(own, kind="volume.named", q="her") == 2
    with tenant_scope(own.tenant.id):
        reference = Event.objects.filter(kind="volume.named").latest("ord").actor_ref
    assert _found(own, q=reference[1:9]) == 0, "the letters of a reference say nothing"


def test_off_hours_are_nights_and_days_off_of_people(own: Cast) -> None:
    """By the database's clock, so what counts is that every event falls on exactly one side."""
    with tenant_scope(own.tenant.id):
        people = Event.objects.filter(actor_type="user").count()
        local = datetime.now(UTC) + timedelta(hours=9)
        off = local.date() in working_days().days_off(local.date(), local.date()) or not 7 <= local.hour < 20
    assert _found(own, off_hours=True) == (people if off else 0)


def test_a_closed_day_is_off_hours_from_morning_to_night(own: Cast) -> None:
    """The tenant's own calendar says so; yesterday to tomorrow, as midnight may pass while the test runs."""
    today = (datetime.now(UTC) + timedelta(hours=9)).date()
    for number in (-1, 0, 1):
        day = today + timedelta(days=number)
        plant(CompanyDay(tenant_id=own.tenant.id, day=day, kind="closed", name="創立記念日", operation="o"))
    with tenant_scope(own.tenant.id):
        people = Event.objects.filter(actor_type="user").count()
    assert _found(own, off_hours=True) == people > 0


def test_a_search_records_its_question_and_how_many_it_found(own: Cast) -> None:
    auditor = own.actor(Role.AUDITOR)
    wanted = EventFilter(kind="volume.named", since=datetime(2026, 1, 1, tzinfo=UTC))
    with tenant_scope(own.tenant.id):
        assert read_ledger(wanted, Cursors(), actor=auditor, now=clock.now()).found == 2
        read_ledger(EventFilter(), Cursors(), actor=auditor, now=clock.now())
    (searched,) = told(own, "ledger.searched")
    assert searched["detail"]["filter"] == {"kind": "volume.named", "since": "2026-01-01T00:00:00.000000Z"}
    assert (searched["detail"]["found"], searched["detail"]["more"]) == (2, False)
    assert len(told(own, "ledger.viewed")) == 1
    assert EventFilter.of(wanted.asked()) == wanted


def test_a_kept_search_is_ones_own(own: Cast) -> None:
    auditor, administrator = own.actor(Role.AUDITOR), own.actor(Role.ADMINISTRATOR)
    with tenant_scope(own.tenant.id):
        saving_searches.save(" 夜間  の操作 ", "off_hours=yes", actor=auditor, now=clock.now())
        kept = saving_searches.save("夜間 の操作", "off_hours=yes&proxy=yes", actor=auditor, now=clock.now())
        assert [one.query for one in saved_searches(actor=auditor)] == ["off_hours=yes&proxy=yes"]
        assert saved_searches(actor=administrator) == []
        with pytest.raises(NotFound):
            saving_searches.forget(kept.id, actor=administrator)
        saving_searches.forget(kept.id, actor=auditor)
        assert saved_searches(actor=auditor) == []
        for name, query, code in (("", "q=1", "bad_name"), ("x", "", "nothing_asked")):
            with pytest.raises(Refused, match=code):
                saving_searches.save(name, query, actor=auditor, now=clock.now())


def test_an_event_is_shown_in_every_form_and_each_look_is_recorded(own: Cast) -> None:
    client = signed_in(own.people[Role.AUDITOR])
    with tenant_scope(own.tenant.id):
        event = Event.objects.filter(kind="volume.named").order_by("ord").first()
    assert event is not None
    url = reverse("medical_audit:event", kwargs={"slug": own.tenant.slug, "pk": event.id})
    for form, words in (
        ("sentence", FORMULA[:4]),
        ("raw", "&quot;body&quot;"),
        ("dicom", "&lt;AuditMessage&gt;"),
        ("fhir", "AuditEvent"),
        ("proof", "prev"),
    ):
        answer = client.get(url, {"form": form})
        assert answer.status_code == 200
        assert words in answer.content.decode()
    assert [body["detail"]["form"] for body in told(own, "ledger.event_viewed")] == [
        "sentence", "raw", "dicom", "fhir", "proof",
    ]  # fmt: skip
    missing = reverse("medical_audit:event", kwargs={"slug": own.tenant.slug, "pk": uuid.uuid4()})
    assert client.get(missing).status_code == 404
