"""Reports of a month: what they count, that they hash their rows, that reading one is recorded with that hash."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from medical_audit import clock
from medical_audit.domain.errors import NotFound, NotPermitted
from medical_audit.models import Event
from medical_audit.operations import entry
from medical_audit.queries.reports import REPORTS, Report, make_report
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.stage import Stage

DAY = timedelta(days=1)


def made(stage: Stage, name: str, role: Role = Role.AUDITOR) -> Report:
    now = clock.now()
    with tenant_scope(stage.cast.tenant.id):
        return make_report(name, now - DAY, now + DAY, actor=stage.cast.actor(role), now=now)


def test_privileged_and_dormant_accounts_are_counted(stage: Stage) -> None:
    stage.client(Role.OPERATOR).get(stage.url("operations/"))
    report = made(stage, "accounts")
    assert report.totals == {"people": 5, "privileged": 3, "dormant": 4, "both": 2, "password_only": 1}
    operator = next(row for row in report.rows if row[0] == "operator")
    assert (operator[2], operator[4], operator[5]) == (True, 1, False)


def test_confirmations_add_up_to_entries(stage: Stage) -> None:
    first, second, third = (stage.entered() for _ in range(3))
    actor, now = stage.cast.actor(Role.APPROVER), clock.now()
    entry.confirm(first.id, actor=actor, now=now, seen_digest=first.digest, proof=proof(actor, now))
    entry.withdraw(second.id, actor=stage.cast.actor(Role.OPERATOR), now=now)
    report = made(stage, "confirmations")
    totals = report.totals
    assert (totals["entered"], totals["confirmed"], totals["withdrawn"], totals["waiting"]) == (3, 1, 1, 1)
    assert third.kind == report.rows[0][0]


def test_roles_are_told_before_and_after(stage: Stage) -> None:
    report = made(stage, "roles")
    row = next(row for row in report.rows if row[1] == "auditor")
    assert (row[2], row[3]) == ([], ["auditor"])


def test_the_hash_is_of_the_rows_and_reading_is_recorded_with_it(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)
    page = client.get(stage.url("audit/reports/roles/"))
    report = page.context["report"]
    assert report.sha256 in page.content.decode()
    with tenant_scope(stage.cast.tenant.id):
        body = json.loads(Event.objects.filter(kind="ledger.viewed").latest("event_at").body)
    assert (body["detail"]["page"], body["detail"]["sha256"]) == ("report:roles", report.sha256)
    assert client.get(stage.url("audit/reports/roles/")).context["report"].sha256 == report.sha256
    other = client.get(stage.url("audit/reports/roles/"), {"month": "2020-01"}).context["report"]
    assert other.sha256 != report.sha256
    assert other.rows == []


def test_every_report_has_words_and_asks_for_the_right(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)
    listed = client.get(stage.url("audit/reports/")).content.decode()
    for name in REPORTS:
        assert f"/audit/reports/{name}/" in listed
        assert client.get(stage.url(f"audit/reports/{name}/")).status_code == 200
        with pytest.raises(NotPermitted):
            made(stage, name, Role.OPERATOR)
    with pytest.raises(NotFound):
        made(stage, "nonsense")
