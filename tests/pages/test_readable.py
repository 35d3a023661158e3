"""The page of people who can be read: who they are, erasing one who has left by two people, and what then stands there."""

from __future__ import annotations

import uuid

from accounts.domain.permissions import Role
from medical_audit.domain.personal import ERASED
from medical_audit.models import Event
from medical_audit.tenancy import tenant_scope
from tests.factories import _told, make_person
from tests.pages.test_authority import confirm, newest
from tests.stage import Stage


def test_who_has_left_is_erased_by_two_people_and_reads_as_erased_everywhere(stage: Stage) -> None:
    gone, tenant_id = make_person("消江 太郎"), stage.cast.tenant.id
    with tenant_scope(tenant_id):
        _told("member.granted", tenant_id, gone)
    auditor, enterer, url = (
        stage.client(Role.AUDITOR),
        stage.client(Role.ADMINISTRATOR),
        stage.url("readable/"),
    )
    page = auditor.get(url).content.decode()
    assert "消江 太郎" in page
    assert 'name="person"' not in page, "an auditor enters nothing here"
    assert auditor.post(url, {"person": str(gone.id), "reason": "退職"}).status_code == 403
    assert enterer.post(url, {"person": str(uuid.uuid4()), "reason": "退職"}).status_code == 404
    here = enterer.post(url, {"person": str(stage.cast.people[Role.OPERATOR].id), "reason": "退職"})
    assert here.status_code == 422
    assert "まだここで役割を持っています" in here.content.decode()
    assert enterer.post(url, {"person": str(gone.id), "reason": "退職"}).status_code == 302
    operation = newest(stage, "person.erase")
    assert confirm(stage, enterer, operation) == 403
    approver = stage.client(Role.APPROVER)
    assert "消江 太郎" in approver.get(stage.url(f"operations/{operation.id}/")).content.decode()
    assert confirm(stage, approver, operation) == 302
    page = auditor.get(url).content.decode()
    assert "消江 太郎" not in page
    assert str(gone.id) in page
    with tenant_scope(tenant_id):
        event = Event.objects.filter(kind="member.granted", subject_id=str(gone.id)).latest("ord")
    for where in (f"ledger/events/{event.id}/", "ledger/", f"operations/{operation.id}/"):
        told = auditor.get(stage.url(where)).content.decode()
        assert "消江" not in told, where
    assert event.subject_name == ERASED
