"""The calendar as a page: the month, a day, a change looked at before it is entered, lists taken in and turned down."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from accounts.domain.permissions import Role
from infra.models import HolidayFeed
from medical_audit.tenancy import tenant_scope
from tests.infra.holiday_lists import JAPAN, cabinet
from tests.pages.test_planning import confirm, operation
from tests.stage import Stage

YEAR_END = {"what": "closure", "first": "12-29", "last": "01-03", "name": "年末年始"}


def page(stage: Stage, query: str = "", role: Role = Role.OPERATOR) -> Any:
    return stage.client(role).get(stage.url(f"calendar/{query}"))


def upload(stage: Stage, client: Client, data: bytes) -> None:
    file = SimpleUploadedFile("s.csv", data)
    client.post(stage.url("calendar/lists/"), {"source": "cabinet", "file": file})


def said(answer: HttpResponse) -> str:
    return answer.content.decode()


def test_the_month_shows_holidays_and_what_would_happen_on_a_day(stage: Stage) -> None:
    stage.resource(tags={"AutoStart": "08:30", "AutoStop": "19:00"}, name="ehr-web-01")
    page = stage.client(Role.VIEWER).get(stage.url("calendar/?month=2026-11&day=2026-11-23"))
    assert "勤労感謝の日" in page.content.decode()
    starts, stops = page.context["seen"].happens.lines
    assert (starts.action, starts.suppressed.code, stops.action) == ("start", "holiday", "stop")


def test_a_file_of_holidays_is_taken_in_and_a_web_page_is_refused(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    for data in (cabinet(), b"<html>503</html>"):
        client.post(
            stage.url("calendar/lists/"), {"source": "cabinet", "file": SimpleUploadedFile("s.csv", data)}
        )
    seen = client.get(stage.url("calendar/")).context["seen"]
    assert [one.state for one in seen.settled] == ["refused"]
    assert seen.in_force.state == "adopted"


def test_a_closure_is_entered_for_another_person(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    given = {"what": "closure", "first": "12-29", "last": "01-03", "name": "年末年始", "reason": "年間計画"}
    assert client.post(stage.url("calendar/change/"), given).status_code == 302
    assert confirm(stage, Role.APPROVER) == 302
    page = client.get(stage.url("calendar/?month=2026-12")).content.decode()
    assert "年末年始" in page


def test_what_a_change_would_do_is_looked_at_before_anything_is_entered(stage: Stage) -> None:
    stage.resource(tags={"AutoStart": "08:30", "AutoStop": "19:00"}, name="ehr-web-01")
    seen = page(stage, "?what=closed&first=2026-12-28&name=棚卸し&day=2026-12-28")
    [changed] = [one for week in seen.context["seen"].weeks for one in week if one.after]
    assert (changed.date, changed.reason.code, changed.after.code) == (
        date(2026, 12, 28),
        "working_day",
        "closure",
    )
    happens = seen.context["seen"].happens
    assert [one.action for one in happens.gone] == ["start"]
    assert happens.come == []
    assert [(one.action, bool(one.suppressed)) for one in happens.lines] == [("start", True), ("stop", False)]
    assert happens.counts == {"start": 0, "stop": 1, "left_out": 1}
    assert [one["code"] for one in seen.context["looked"].differences] == ["closed_added"]
    assert 'value="2026-12-28"' in said(seen)
    plain = page(stage, "?day=2026-12-28").context["seen"].happens
    assert (plain.gone, plain.counts) == (None, {"start": 1, "stop": 1, "left_out": 0})


def test_a_range_across_new_year_is_looked_at_in_its_own_month(stage: Stage) -> None:
    seen = page(stage, "?what=closure&first=12-29&last=01-03&name=年末年始")
    assert seen.context["first"].month == 12
    changed = {one.date.day for week in seen.context["seen"].weeks for one in week if one.after}
    assert {29, 30, 31, 1, 2, 3} == changed


def test_a_change_that_makes_no_sense_is_said_at_the_form_and_keeps_what_was_typed(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    bad = YEAR_END | {"first": "13-29", "reason": "年間計画"}
    answer: Any = client.post(stage.url("calendar/change/"), bad)
    assert (answer.status_code, answer.context["refused"]) == (422, "bad_parameter")
    assert 'value="13-29"' in said(answer)
    assert 'value="年間計画"' in said(answer)
    assert page(stage, "?what=closed&first=2026-02-30&name=x").context["refused"] == "bad_parameter"


def test_a_company_day_is_taken_away_with_a_reason_that_stands_in_the_ledger(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    assert client.post(stage.url("calendar/change/"), YEAR_END | {"reason": "年間計画"}).status_code == 302
    assert confirm(stage, Role.APPROVER) == 302
    asking = said(page(stage, "?what=remove&first=12-29&last=01-03&name=年末年始"))
    assert 'name="reason"' in asking
    gone = {"what": "remove", "first": "12-29", "last": "01-03", "name": "年末年始"}
    assert client.post(stage.url("calendar/change/"), gone).status_code == 422
    assert client.post(stage.url("calendar/change/"), gone | {"reason": "今年は営業"}).status_code == 302
    waiting = operation(stage)
    assert (waiting.reason, waiting.shown["differences"][0]["code"]) == ("今年は営業", "closure_removed")
    seen = page(stage, f"?operation={waiting.id}")
    assert seen.context["looked"] is not None
    assert confirm(stage, Role.APPROVER) == 302
    assert not page(stage).context["seen"].closures


def test_the_usual_closures_are_offered_until_they_are_there(stage: Stage) -> None:
    assert [one.name for one in page(stage).context["offered"]] == ["年末年始", "お盆"]
    client = stage.client(Role.OPERATOR)
    client.post(stage.url("calendar/change/"), YEAR_END | {"reason": "年間計画"})
    confirm(stage, Role.APPROVER)
    assert [one.name for one in page(stage).context["offered"]] == ["お盆"]


def test_a_waiting_list_is_seen_on_today_checked_against_the_others_and_turned_down(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    special = date(2026, 12, 1)
    upload(stage, client, cabinet(JAPAN | {special: "特別の休日"}))
    seen = page(stage).context["seen"]
    [waiting] = seen.waiting
    [(difference, holds)] = seen.checked.rows
    assert (difference.day, difference.names, holds) == (special, ("", "特別の休日"), "")
    for role in (Role.OPERATOR, Role.VIEWER):
        assert "#lists" in said(stage.client(role).get(stage.url("")))  # type: ignore[arg-type]
    down = {"list": str(waiting.id), "reason": "官報に無い"}
    assert client.post(stage.url("calendar/lists/turn-down/"), down).status_code == 302
    assert not page(stage).context["seen"].waiting
    assert "#lists" not in said(client.get(stage.url("")))  # type: ignore[arg-type]


def test_an_address_is_kept_shown_and_taken_away(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    given = {"source": "cabinet", "url": "https://example.com/syukujitsu.csv"}
    assert client.post(stage.url("calendar/feeds/"), given).status_code == 302
    assert "https://example.com/syukujitsu.csv" in said(page(stage))
    assert client.post(stage.url("calendar/feeds/"), given | {"url": "http://10.0.0.8/"}).status_code == 422
    assert client.post(stage.url("calendar/feeds/"), given | {"url": ""}).status_code == 302
    with tenant_scope(stage.cast.tenant.id):
        assert not HolidayFeed.objects.exists()


def test_whoever_may_not_plan_sees_the_calendar_and_has_nothing_to_press(stage: Stage) -> None:
    text = said(page(stage, "?what=closure&first=12-29&last=01-03&name=x", Role.VIEWER))
    assert "calendar/change/" not in text
    assert "calendar/lists/" not in text
