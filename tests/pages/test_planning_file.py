"""The planning file in a browser: taken out, looked at, entered as it was seen."""

from __future__ import annotations

import json
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.domain.permissions import Role
from infra.models import NamedSchedule
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.test_planning_file import FILE
from tests.stage import Stage


def look(stage: Stage, text: str = FILE, role: Role = Role.OPERATOR) -> Any:
    stage.resource(project="電子カルテ")
    file = SimpleUploadedFile("planning.yaml", text.encode())
    return stage.client(role).post(stage.url("planning/"), {"then": "look", "file": file})


def enter(stage: Stage, page: Any, **more: str) -> Any:
    given = {
        "then": "enter",
        "text": page.context["text"],
        "seen": page.context["seen"],
        "reason": "年間計画",
    }
    return stage.client(Role.OPERATOR).post(stage.url("planning/"), given | more)


def test_a_file_is_looked_at_and_then_entered_as_it_was_seen(stage: Stage) -> None:
    page = look(stage)
    assert page.status_code == 200
    assert page.context["to_enter"] == 4
    with tenant_scope(stage.cast.tenant.id):
        assert not NamedSchedule.objects.exists()
    assert enter(stage, page).status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        assert {one.reason for one in Operation.objects.all()} == {"年間計画"}
        assert Operation.objects.count() == 3
    assert look(stage).context["to_enter"] == 0


def test_what_changed_since_it_was_seen_is_shown_again_and_not_entered(stage: Stage) -> None:
    page = look(stage)
    assert enter(stage, page).status_code == 302
    again = enter(stage, page)
    assert (again.status_code, again.context["changed"]) == (422, True)
    with tenant_scope(stage.cast.tenant.id):
        assert Operation.objects.count() == 3


def test_nothing_is_entered_without_a_reason(stage: Stage) -> None:
    answer = enter(stage, look(stage), reason=" ")
    assert (answer.status_code, answer.context["no_reason"]) == (422, True)
    with tenant_scope(stage.cast.tenant.id):
        assert not Operation.objects.exists()


def test_a_file_with_faults_is_refused_with_line_field_and_cure(stage: Stage) -> None:
    page = look(stage, FILE.replace("08:30", "8:30").replace("2026-12-28", "2026-02-30"))
    assert page.status_code == 422
    assert [(one.line, one.field) for one in page.context["problems"]] == [
        (7, "schedules[1].periods[1].begin"),
        (17, "calendar.closed[1].day"),
    ]
    assert "08:30" in page.content.decode()


def test_everybody_takes_the_file_and_its_schema_out_and_only_planners_read_one_in(stage: Stage) -> None:
    viewer = stage.client(Role.VIEWER)
    file = viewer.get(stage.url("planning/export/"))
    assert file.content.decode().startswith("#")
    assert stage.slug in file["Content-Disposition"]
    assert json.loads(viewer.get(stage.url("planning/schema/")).content)["title"]
    assert 'type="file"' not in viewer.get(stage.url("planning/")).content.decode()
    assert look(stage, role=Role.VIEWER).status_code == 403
