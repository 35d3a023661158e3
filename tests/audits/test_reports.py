"""Reports of a month: what they count, that they hash their rows, that reading one is recorded with that hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from accounts.domain.permissions import Role
from accounts.models import RecertificationItem
from accounts.operations import members, recertifying
from medical_audit import clock
from medical_audit.domain.actor import NO_TENANT, EventDraft, Subject, system_actor
from medical_audit.domain.clocks import Skew
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.domain.reports import Cell, Column, Report
from medical_audit.models import Event, Export, Operation
from medical_audit.operations import clocks, entry
from medical_audit.operations.exports import making
from medical_audit.operations.exports.report_files import sheet_of, take
from medical_audit.operations.exports.report_paper import print_report
from medical_audit.operations.ledger import record_many
from medical_audit.queries.reports import LONG, REPORTS, make_report
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.factories import MONDAY_0830, proof, unique
from tests.medical_audit.support import Database
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


def test_the_report_of_an_ended_period_is_the_same_whenever_it_is_made(stage: Stage) -> None:
    stage.client(Role.OPERATOR).get(stage.url("operations/"))
    now = clock.now()
    until = now + timedelta(minutes=1)
    with tenant_scope(stage.cast.tenant.id):
        soon, late, running = (
            make_report("accounts", now - DAY, until, actor=stage.cast.actor(Role.AUDITOR), now=when)
            for when in (until + DAY, until + 400 * DAY, now)
        )
    assert (soon.as_of, soon.rows, soon.sha256) == (until, late.rows, late.sha256)
    assert running.as_of < now, "of a running period it is said by which day it is judged"
    assert running.sha256 != soon.sha256


def test_confirmations_add_up_to_entries(stage: Stage) -> None:
    first, second, third = (stage.entered() for _ in range(3))
    actor, now = stage.cast.actor(Role.APPROVER), clock.now()
    entry.confirm(first.id, actor=actor, now=now, seen_digest=first.digest, proof=proof(actor, now))
    entry.withdraw(second.id, actor=stage.cast.actor(Role.OPERATOR), now=now)
    report = made(stage, "confirmations")
    totals = report.totals
    assert (totals["entered"], totals["confirmed"], totals["withdrawn"], totals["waiting"]) == (3, 1, 1, 1)
    assert third.kind == report.rows[0][0]


def test_each_change_of_roles_is_told_and_a_right_that_was_kept_is_none(stage: Stage) -> None:
    cast, now = stage.cast, clock.now()
    founded = [row for row in made(stage, "roles").rows if row[1] == "viewer"]
    assert [(row[2], row[3]) for row in founded] == [([], ["viewer"])]
    administrator, approver = cast.actor(Role.ADMINISTRATOR), cast.actor(Role.APPROVER)
    viewer = cast.people[Role.VIEWER]

    def decided(operation: Operation) -> None:
        entry.confirm(
            operation.id, actor=approver, now=now, seen_digest=operation.digest, proof=proof(approver, now)
        )

    given = members.enter_grant(viewer.id, Role.OPERATOR, actor=administrator, now=now, reason="当番に入る")
    decided(given)
    recertifying.begin(actor=administrator, now=now)
    with tenant_scope(cast.tenant.id):
        kept = RecertificationItem.objects.get(user=viewer, role=Role.OPERATOR)
    assert not recertifying.decide([kept.id], "keep", actor=administrator, now=now, reason="棚卸")
    decided(members.enter_revoke(viewer.id, Role.VIEWER, actor=administrator, now=now, reason="整理"))
    came = f"new-{unique()}"
    decided(
        members.enter_invite(came, "新人", "viewer", actor=administrator, now=now, reason="入職").operation
    )
    decided(members.enter_close(viewer.id, actor=administrator, now=now, reason="退職"))
    rows = [row[1:] for row in made(stage, "roles").rows if row[1] in ("viewer", "新人")]
    assert rows[1:] == [
        ["viewer", ["viewer"], ["operator", "viewer"], "approver", "administrator", "当番に入る"],
        ["viewer", ["operator", "viewer"], ["operator"], "approver", "administrator", "整理"],
        ["新人", [], ["viewer"], "approver", "administrator", "入職"],
        ["viewer", ["operator"], [], "approver", "administrator", "退職"],
    ]
    with tenant_scope(cast.tenant.id):
        later = make_report("roles", now + DAY, now + 2 * DAY, actor=cast.actor(Role.AUDITOR), now=now)
    assert later.rows == []


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


def test_sessions_add_up_and_clocks_are_told_by_day(stage: Stage) -> None:
    stage.client(Role.OPERATOR).get(stage.url("operations/"))
    sessions = made(stage, "sessions")
    assert sessions.totals["begun"] == sessions.totals["ended"] + sessions.totals["still_open"] == 1
    assert sessions.totals["faults"] == 0
    with _as_role("worker"):
        now = clock.now()
        clocks.keep_reading(
            Skew(timedelta(milliseconds=12)), "here", actor=system_actor(NO_TENANT, "clock"), now=now
        )
    assert made(stage, "clocks").totals["readings"] >= 1


READERS: dict[str, Callable[[bytes], str]] = {
    "csv": lambda data: data.decode("utf-8-sig"),
    "csv_cp932": lambda data: data.decode("cp932"),
    "xlsx": lambda data: "\n".join(
        str([cell.value for cell in row]) for sheet in load_workbook(BytesIO(data)) for row in sheet
    ),
    "pdf": lambda data: "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages),
}


@pytest.mark.parametrize("form", READERS)
def test_a_report_is_taken_as_a_file_and_that_is_recorded_first(stage: Stage, form: str) -> None:
    client, url = stage.client(Role.AUDITOR), stage.url("audit/reports/roles/")
    seen = client.get(url).context["report"]
    answer = client.post(url, {"format": form, "purpose": "=月次点検"})
    assert (answer.status_code, answer["Content-Disposition"].startswith("attachment")) == (200, True)
    text = READERS[form](answer.content)
    assert "auditor" in text
    if form in ("pdf", "xlsx"):
        assert seen.sha256 in text
        assert "=月次点検" in text
    with tenant_scope(stage.cast.tenant.id):
        event = Event.objects.filter(kind="report.exported").latest("event_at")
    detail = json.loads(event.body)["detail"]
    assert detail["sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert (detail["rows"], detail["rows_sha256"]) == (len(seen.rows), seen.sha256)
    taken = made(stage, "exports").rows[-1]
    assert (taken[2], taken[3], taken[4], taken[5]) == (
        "report.exported", len(seen.rows), "=月次点検", detail["sha256"],
    )  # fmt: skip


def test_a_long_report_turns_its_pages_and_each_says_which_of_how_many() -> None:
    rows: list[list[Cell]] = [[f"佐藤 {number}", number, "長い理由" * 20] for number in range(120)]
    columns = (Column("person"), Column("rows", "number"), Column("reason"))
    report = Report(
        "roles", MONDAY_0830, MONDAY_0830 + DAY, MONDAY_0830, columns, rows, {"changes": 120}, "a" * 64, 0
    )
    file = BytesIO()
    print_report(
        file, title="報告書", facts=[("テナント", "桜川"), ("期間", "2026-11")], counts=[("変更", "120")],
        columns=columns, heading=["誰", "行", "理由"], rows=[[str(cell) for cell in row] for row in report.rows],
        sha256=report.sha256,
    )  # fmt: skip
    pages = [page.extract_text() for page in PdfReader(file).pages]
    assert len(pages) > 3
    for number, text in enumerate(pages, start=1):
        assert f"/ {len(pages)}" in text
        assert str(number) in text.split()
        assert "a" * 64 in text
        assert "2026-11" in text
    assert "佐藤 119" in pages[-1]


def test_a_report_is_not_taken_without_a_purpose_nor_by_others(stage: Stage) -> None:
    url = stage.url("audit/reports/roles/")
    refused = stage.client(Role.AUDITOR).post(url, {"format": "pdf", "purpose": " "})
    assert (refused.status_code, bool(refused.context["form"].errors)) == (422, True)
    unread = stage.client(Role.AUDITOR).post(f"{url}?month=2026-9", {"format": "pdf", "purpose": "点検"})
    assert (unread.status_code, unread.context["form"].refused) == (422, "filter_unread")
    assert "month=2026-9" in unread.content.decode()
    now = clock.now()
    with tenant_scope(stage.cast.tenant.id):
        report = make_report("roles", now - DAY, now, actor=stage.cast.actor(Role.AUDITOR), now=now)
        given: dict[str, Any] = {"tenant": "T", "purpose": "p", "now": now}
        with pytest.raises(NotPermitted):
            take(report, "pdf", actor=stage.cast.actor(Role.OPERATOR), **given)
        with pytest.raises(Refused, match="export_too_long"):
            take(replace(report, cut=1), "csv", actor=stage.cast.actor(Role.AUDITOR), **given)


def test_a_long_report_is_made_by_a_worker_and_recorded_like_one_made_at_once(
    stage: Stage, superuser_connection: Database
) -> None:
    """Its rows and their hash are those of the page; it is asked for, made and taken with an event each."""
    tenant_id, auditor = stage.cast.tenant.id, stage.cast.actor(Role.AUDITOR)
    draft = EventDraft(
        "report.exported", auditor, clock.now(), Subject("tenant", str(tenant_id)), reason="月次点検", detail={"rows": 7}
    )  # fmt: skip
    with tenant_scope(tenant_id):
        record_many(tenant_id, [draft] * (LONG + 1))
    client, url = stage.client(Role.AUDITOR), stage.url("audit/reports/exports/")
    seen = client.get(url).context["report"]
    assert "作成" in client.get(url).content.decode()
    answer = client.post(url, {"format": "csv", "purpose": "年次点検"})
    assert (answer.status_code, answer["Location"]) == (302, stage.url("ledger/exports/"))
    others_see = set[tuple[object, ...]]()

    def looked_at() -> datetime:
        row = superuser_connection.execute(
            "SELECT rows, total FROM medical_audit_export WHERE tenant_id = %s", [tenant_id]
        ).fetchone()
        others_see.add(row or ())
        return clock.now()

    with _as_role("worker"):
        assert making.make_due(tenant_id, actor=system_actor(tenant_id, "exporter"), clock=looked_at) == 1
    assert (0, LONG + 1) in others_see, "how far it is shows while it is made"
    with tenant_scope(tenant_id):
        row = Export.objects.get()
        assert (row.report, row.state, row.rows) == ("exports", "ready", LONG + 1)
        assert row.rows_sha256 == seen.sha256
        asked, done = (
            Event.objects.get(kind=kind).said["detail"] for kind in ("report.asked", "report.made")
        )
    assert (asked["report"], done["rows_sha256"]) == ("exports", seen.sha256)
    file = client.get(stage.url(f"ledger/exports/{row.id}/file/"))
    data = file.getvalue()
    assert hashlib.sha256(data).hexdigest() == row.sha256
    assert data.decode("utf-8-sig").count("\r\n") == LONG + 2
    with tenant_scope(tenant_id):
        taken = Event.objects.filter(kind="report.exported").latest("ord").said
    assert (taken["reason"], taken["detail"]["rows_sha256"]) == ("年次点検", seen.sha256)
    assert taken["detail"]["sha256"] == row.sha256


def test_every_report_that_can_be_long_is_made_with_what_a_worker_may_read(stage: Stage) -> None:
    now, tenant_id = clock.now(), stage.cast.tenant.id
    with _as_role("worker"), tenant_scope(tenant_id):
        reader = system_actor(tenant_id, "exporter", frozenset({"ledger.view"}))
        found = [
            make_report(name, now - DAY, now + DAY, actor=reader, now=now)
            for name in ("accounts", "sessions", "confirmations", "roles", "exports")
        ]
    for report in found:
        assert len(sheet_of(report, "T", "p", reader, now).texts) == len(report.rows), (
            "written outside of any transaction"
        )
