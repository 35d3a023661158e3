"""Schedules, calendar and overrides as pages: what planners do in a browser, and what others see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.test import Client

from accounts.domain.permissions import Role
from infra.models import NamedSchedule, Revision
from medical_audit import clock
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.factories import PASSWORD
from tests.stage import Stage

TOKYO = ZoneInfo("Asia/Tokyo")
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]


def fields(name: str = "日勤", **more: Any) -> dict[str, Any]:
    return {
        "name": name, "zone": "Asia/Tokyo", "rows": "1", "p0-mode": "both", "p0-begin": "08:30", "p0-end": "19:00",
        "p0-day": WEEKDAYS, "holidays": "on", "grace_start_min": "60", "grace_stop_min": "60", "then": "save", **more,
    }  # fmt: skip


def operation(stage: Stage) -> Operation:
    with tenant_scope(stage.cast.tenant.id):
        found: Operation = Operation.objects.order_by("-entered_at")[0]
        return found


def confirm(stage: Stage, role: Role) -> int:
    found = operation(stage)
    client = stage.client(role)
    url = stage.url(f"operations/{found.id}/confirm/")
    return client.post(url, {"digest": found.digest, "password": PASSWORD}).status_code


def publish(stage: Stage, client: Client, pk: object, reason: str = "年間計画") -> None:
    """Look at what would change, and enter it."""
    url = stage.url(f"schedules/{pk}/publish/")
    seen = client.get(url).context["shown"]["digest"]
    assert client.post(url, {"reason": reason, "seen": seen}).status_code == 302


def make(stage: Stage, client: Client, **more: Any) -> str:
    """A schedule in its editor, entered for publication and confirmed by the approver; its id."""
    client.post(stage.url("schedules/new/"), fields(**more))
    with tenant_scope(stage.cast.tenant.id):
        pk = str(NamedSchedule.objects.latest("created_at").id)
    publish(stage, client, pk, "年間計画")
    assert confirm(stage, Role.APPROVER) == 302
    return pk


def test_a_schedule_goes_from_the_editor_to_being_in_force(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    listed = client.get(stage.url("schedules/")).content.decode()
    assert "日勤" in listed
    page = client.get(stage.url(f"schedules/{pk}/"))
    assert page.context["listed"].revision.number == 1
    assert len(page.context["seen"].days) == 14
    assert page.context["listed"].named.published_by_name


def test_the_editor_names_what_is_wrong_and_keeps_what_was_typed(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    answer = client.post(stage.url("schedules/new/"), fields(**{"p0-begin": "25:00", "p0-end": "19:0"}))
    text = answer.content.decode()
    assert answer.status_code == 422
    assert [one.path for one in answer.context["problems"]] == ["periods.0.begin", "periods.0.end"]
    assert 'value="25:00"' in text
    assert 'value="19:0"' in text


def test_no_weekday_ticked_is_refused_and_not_taken_for_every_day(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    no_days: dict[str, Any] = {"p0-day": []}
    answer = client.post(stage.url("schedules/new/"), fields(**no_days))
    assert answer.status_code == 422
    assert [one.path for one in answer.context["problems"]] == ["periods.0.weekdays"]


def test_an_odd_number_of_rows_is_no_server_error(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    for rows in ("²", "9" * 5000, "-1", ""):
        assert client.post(stage.url("schedules/new/"), fields(rows=rows)).status_code == 422


def test_a_draft_that_somebody_else_saved_meanwhile_keeps_what_was_typed(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    client.post(stage.url("schedules/new/"), fields())
    with tenant_scope(stage.cast.tenant.id):
        pk = NamedSchedule.objects.get().id
    answer = client.post(stage.url(f"schedules/{pk}/edit/"), fields(seen="0" * 64, **{"p0-begin": "07:45"}))
    assert (answer.status_code, answer.context["refused"]) == (422, "draft_changed")
    assert 'value="07:45"' in answer.content.decode()


def test_the_preview_is_drawn_before_anything_is_saved(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    answer = client.post(stage.url("schedules/new/"), fields(), headers={"HX-Request": "true"})
    assert len(answer.context["days"]) == 14
    with tenant_scope(stage.cast.tenant.id):
        assert not NamedSchedule.objects.exists()


def test_nth_weekdays_survive_the_way_through_the_editor(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    client.post(stage.url("schedules/new/"), fields(**{"p0-weekdays": "mon#1, friL", "p0-months": "apr-sep"}))
    with tenant_scope(stage.cast.tenant.id):
        draft = Revision.objects.get()
    assert draft.content["periods"][0]["weekdays"] == "mon#1,fril"
    page = client.get(stage.url(f"schedules/{draft.schedule_id}/edit/"))
    assert page.context["rows"][0]["weekdays"] == "mon#1,fril"
    assert page.context["rows"][0]["advanced"]


def test_maintenance_windows_survive_the_way_through_the_editor_and_a_wrong_name_is_kept_and_named(
    stage: Stage,
) -> None:
    client = stage.client(Role.OPERATOR)
    client.post(
        stage.url("schedules/new/"), fields(maintenance_windows="monthly-patch、mw-0c0ffee0c0ffee000,")
    )
    with tenant_scope(stage.cast.tenant.id):
        draft = Revision.objects.get()
    assert draft.content["options"]["maintenance_windows"] == ["monthly-patch", "mw-0c0ffee0c0ffee000"]
    page = client.get(stage.url(f"schedules/{draft.schedule_id}/edit/"))
    assert 'value="monthly-patch, mw-0c0ffee0c0ffee000"' in page.content.decode()
    refused = client.post(stage.url("schedules/new/"), fields(name="二", maintenance_windows="月例パッチ"))
    assert refused.status_code == 422
    assert 'value="月例パッチ"' in refused.content.decode()
    assert [one.code for one in refused.context["general"]] == ["bad_window"]


def test_the_confirmer_reads_the_difference_and_the_forecast(stage: Stage) -> None:
    stage.resource(tags={"Schedule": "日勤"}, name="ehr-web-01")
    client = stage.client(Role.OPERATOR)
    client.post(stage.url("schedules/new/"), fields())
    with tenant_scope(stage.cast.tenant.id):
        pk = NamedSchedule.objects.get().id
    shown = client.get(stage.url(f"schedules/{pk}/publish/")).context["shown"]
    publish(stage, client, pk, "年間計画")
    page = stage.client(Role.APPROVER).get(stage.url(f"operations/{operation(stage).id}/")).content.decode()
    assert "ehr-web-01" in page
    assert shown["forecast"]["affected"] == 1


def test_what_somebody_saved_between_the_looking_and_the_pressing_is_shown_and_not_entered(
    stage: Stage,
) -> None:
    client = stage.client(Role.OPERATOR)
    client.post(stage.url("schedules/new/"), fields())
    with tenant_scope(stage.cast.tenant.id):
        pk = NamedSchedule.objects.get().id
    url = stage.url(f"schedules/{pk}/publish/")
    seen = client.get(url).context["shown"]["digest"]
    changed = fields(**{"p0-end": "21:00"}) | {"seen": seen}
    assert client.post(stage.url(f"schedules/{pk}/edit/"), changed).status_code == 302
    answer = client.post(url, {"reason": "年間計画", "seen": seen})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "21:00" in page
    assert 'value="年間計画"' in page or ">年間計画" in page
    assert answer.context["shown"]["digest"] in page
    with tenant_scope(stage.cast.tenant.id):
        assert not Operation.objects.filter(kind="schedule.publish").exists()


def test_who_enters_a_publication_cannot_confirm_it(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    client.post(stage.url("schedules/new/"), fields())
    with tenant_scope(stage.cast.tenant.id):
        pk = NamedSchedule.objects.get().id
    publish(stage, client, pk, "x")
    assert confirm(stage, Role.OPERATOR) == 403


def test_an_override_is_entered_confirmed_seen_and_ended(stage: Stage) -> None:
    row = stage.resource(tags={"AutoStop": "19:00"}, state="running", name="ehr-web-01")
    client = stage.client(Role.OPERATOR)
    until = (clock.now() + timedelta(hours=3)).astimezone(TOKYO)
    answer = client.post(
        stage.url("overrides/enter/"),
        {"ids": [str(row.id)], "wish": "running", "until": f"{until:%Y-%m-%dT%H:%M}", "reason": "患者移送"},
    )
    assert answer.status_code == 302
    assert confirm(stage, Role.OPERATOR) == 302
    viewer = stage.client(Role.VIEWER)
    assert "ehr-web-01" in viewer.get(stage.url("overrides/")).content.decode()
    page = viewer.get(stage.url(f"resources/{row.id}/"))
    [override] = page.context["overrides"]
    assert override.row.reason == "患者移送"
    ended = client.post(stage.url("overrides/end/"), {"override": str(override.row.id), "reason": "完了"})
    assert ended.status_code == 302
    assert confirm(stage, Role.OPERATOR) == 302
    assert not viewer.get(stage.url("overrides/")).context["live"]


def test_an_end_in_the_past_is_refused_at_the_form(stage: Stage) -> None:
    row = stage.resource(state="running")
    answer = stage.client(Role.OPERATOR).post(
        stage.url("overrides/enter/"),
        {"ids": [str(row.id)], "wish": "running", "until": "2020-01-01T00:00", "reason": "x"},
    )
    assert (answer.status_code, answer.context["refused"]) == (422, "bad_end")


def test_a_viewer_sees_but_has_nothing_to_press(stage: Stage) -> None:
    make(stage, stage.client(Role.OPERATOR))
    viewer = stage.client(Role.VIEWER)
    assert "schedules/new/" not in viewer.get(stage.url("schedules/")).content.decode()
    for path in ("schedules/new/", "overrides/enter/", "schedules/assign/?scope=tenant"):
        assert viewer.get(stage.url(path)).status_code == 403


def test_a_project_is_assigned_a_schedule(stage: Stage) -> None:
    stage.resource(project="電子カルテ", tags={}, name="ehr-web-02")
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    url = stage.url("schedules/assign/")
    shown = client.get(url, {"scope": "project", "key": "電子カルテ", "schedule": pk}).context["shown"]
    assert shown["forecast"]["affected"] == 1
    given = {"scope": "project", "key": "電子カルテ", "schedule": pk, "reason": "案件の標準"}
    assert client.post(url, given).status_code == 302
    assert confirm(stage, Role.APPROVER) == 302
