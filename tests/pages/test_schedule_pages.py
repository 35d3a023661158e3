"""The pages of named schedules: the week, revisions side by side, archiving, and what a publication shows of many resources."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.domain.permissions import Role
from infra.models import NamedSchedule, Revision
from medical_audit.tenancy import tenant_scope
from tests.pages.test_planning import confirm, fields, make, operation
from tests.pages.test_queries import FRAME
from tests.stage import Stage


def draft_of(stage: Stage, client: Client, pk: str, **more: Any) -> Revision:
    """The schedule's next draft, written in its editor."""
    seen = client.get(stage.url(f"schedules/{pk}/edit/")).context["seen"]
    client.post(stage.url(f"schedules/{pk}/edit/"), fields(seen=seen, **more))
    with tenant_scope(stage.cast.tenant.id):
        found: Revision = Revision.objects.filter(schedule_id=pk).order_by("-number")[0]
        return found


def publish(stage: Stage, client: Client, pk: str, **revision: str) -> None:
    url = stage.url(f"schedules/{pk}/publish/")
    seen = client.get(url, revision).context["shown"]["digest"]
    client.post(url, {"reason": "変更", "seen": seen, **revision})
    assert confirm(stage, Role.APPROVER) == 302


def test_the_page_shows_the_week_the_next_changes_and_who_confirmed_each_revision(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    draft_of(stage, client, pk, **{"p0-begin": "09:00"})
    publish(stage, client, pk)
    page = stage.client(Role.VIEWER).get(stage.url(f"schedules/{pk}/"))
    seen, text = page.context["seen"], page.content.decode()
    assert [len(day.blocks) for day in seen.week.days] == [1, 1, 1, 1, 1, 0, 0]
    assert [one.action for one in seen.next][:2] in (["start", "stop"], ["stop", "start"])
    assert [(one.revision.number, one.in_force) for one in seen.revisions] == [(2, True), (1, False)]
    approver = stage.cast.people[Role.APPROVER].name
    assert [one.published.confirmed_by_name for one in seen.revisions] == [approver, approver]
    assert "09:00～19:00" in text


def test_two_revisions_side_by_side_for_everybody_who_may_look(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    second = draft_of(stage, client, pk, **{"p0-begin": "09:00", "p0-day": ["mon"]})
    page = stage.client(Role.VIEWER).get(stage.url(f"schedules/{pk}/compare/"))
    seen = page.context["seen"]
    assert (seen.before.number, seen.after.number) == (1, 2)
    assert [one["code"] for one in seen.differences] == ["period_removed", "period_added"]
    assert len(seen.days) == 14
    # Mondays begin later, the other working days fall away: only weekends (and holidays) stay as they are.
    same = {pair.date.weekday() for pair in seen.days if not pair.differs and not pair.before.acts}
    assert same >= {5, 6}
    turned = client.get(
        stage.url(f"schedules/{pk}/compare/"), {"before": str(second.id), "after": str(seen.before.id)}
    )
    assert turned.context["seen"].before.number == 2
    nowhere = client.get(stage.url(f"schedules/{pk}/compare/"), {"before": str(stage.cast.tenant.id)})
    assert nowhere.status_code == 404


def test_going_back_to_an_older_revision_is_its_publication(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    draft_of(stage, client, pk, **{"p0-begin": "09:00"})
    publish(stage, client, pk)
    with tenant_scope(stage.cast.tenant.id):
        first = Revision.objects.get(schedule_id=pk, number=1)
    assert client.get(stage.url(f"schedules/{pk}/publish/?revision={first.id}")).context["shown"]["back"]
    publish(stage, client, pk, revision=str(first.id))
    page = client.get(stage.url(f"schedules/{pk}/"))
    assert [one.revision.number for one in page.context["seen"].revisions if one.in_force] == [1]


def test_a_publication_that_is_refused_says_why_in_words(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    stage.resource(tags={"Schedule": "日勤"}, kind="cluster", facts={"engine": "aurora-mysql"})
    draft_of(stage, client, pk, snapshot="on")
    answer = client.get(stage.url(f"schedules/{pk}/publish/"))
    assert answer.status_code == 422
    assert "snapshot_of_cluster" not in answer.content.decode()


# -- archiving -----------------------------------------------------------------------------------------------------------


def test_what_is_followed_cannot_be_archived_and_the_page_says_by_what(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    stage.resource(tags={"Schedule": "日勤"}, name="ehr-web-01")
    answer = client.post(stage.url(f"schedules/{pk}/archive/"), {"reason": "不要"})
    found = answer.context["obstacles"]
    assert (answer.status_code, found.names, found.resources, found.assignments) == (
        422,
        ["ehr-web-01"],
        1,
        [],
    )
    assert operation(stage).kind == "schedule.publish"


def test_what_came_to_follow_it_meanwhile_stops_the_confirmation(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    client.post(stage.url(f"schedules/{pk}/archive/"), {"reason": "不要"})
    stage.resource(tags={"Schedule": "日勤"})
    assert confirm(stage, Role.APPROVER) == 422
    with tenant_scope(stage.cast.tenant.id):
        assert NamedSchedule.objects.get(id=pk).archived_at is None


def test_an_archived_schedule_leaves_the_list_keeps_its_page_and_comes_back(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    client.post(stage.url(f"schedules/{pk}/archive/"), {"reason": "不要"})
    assert confirm(stage, Role.OPERATOR) == 403
    assert confirm(stage, Role.APPROVER) == 302
    assert not client.get(stage.url("schedules/")).context["page"].rows
    assert len(client.get(stage.url("schedules/?show=archived")).context["page"].rows) == 1
    assert client.get(stage.url(f"schedules/{pk}/")).status_code == 200
    assert client.get(stage.url(f"schedules/{pk}/edit/")).status_code == 404
    client.post(stage.url(f"schedules/{pk}/archive/"), {"reason": "再利用"})
    assert confirm(stage, Role.APPROVER) == 302
    assert len(client.get(stage.url("schedules/")).context["page"].rows) == 1


# -- the editor ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["Asia/Tokyo", "tokyo", " TOKYO "])
def test_a_city_is_enough_to_name_its_zone(stage: Stage, typed: str) -> None:
    stage.client(Role.OPERATOR).post(stage.url("schedules/new/"), fields(zone=typed))
    with tenant_scope(stage.cast.tenant.id):
        assert Revision.objects.get().content["zone"] == "Asia/Tokyo"


def test_an_unknown_zone_is_named_at_its_field_with_what_is_near(stage: Stage) -> None:
    answer = stage.client(Role.OPERATOR).post(stage.url("schedules/new/"), fields(zone="Tokio"))
    assert answer.status_code == 422
    assert answer.context["zone_near"][0] == "Asia/Tokyo"
    assert 'value="Tokio"' in answer.content.decode()


def test_the_end_of_the_day_is_ticked_because_time_fields_do_not_know_it(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    client.post(stage.url("schedules/new/"), fields(**{"p0-midnight": "on", "p0-end": ""}))
    with tenant_scope(stage.cast.tenant.id):
        draft = Revision.objects.get()
    assert draft.content["periods"][0]["end"] == "24:00"
    row = client.get(stage.url(f"schedules/{draft.schedule_id}/edit/")).context["rows"][0]
    assert (row["midnight"], row["end"], row["end_is_time"]) == (True, "", True)


def test_while_it_is_typed_each_row_is_told_what_is_wrong_with_it(stage: Stage) -> None:
    """The second row is not used, so that the third one's fault must not be said of the second."""
    third: dict[str, Any] = {"p2-mode": "both", "p2-begin": "25:00", "p2-end": "19:00", "p2-day": ["sat"]}
    given = fields(rows="3", **{"p1-mode": "none"}, **third)
    answer = stage.client(Role.OPERATOR).post(
        stage.url("schedules/new/"), given, headers={"HX-Request": "true"}
    )
    found = {number: [one.code for one in problems] for number, problems in answer.context["row_problems"]}
    assert found == {0: [], 1: [], 2: ["out_of_range"]}
    assert 'id="p2-problems"' in answer.content.decode()


def test_a_taken_name_is_said_at_its_field_and_everything_typed_stays(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    client.post(stage.url("schedules/new/"), fields(name="Night"))
    answer = client.post(
        stage.url("schedules/new/"), fields(name="ｎｉｇｈｔ", description="夜間", note="メモ")
    )
    text = answer.content.decode()
    assert (answer.status_code, answer.context["refused"]) == (422, "name_taken")
    assert 'id="id_name-problem"' in text
    for kept in ("ｎｉｇｈｔ", "夜間", "メモ", "08:30"):
        assert f'value="{kept}"' in text


def test_an_error_in_a_field_does_not_hide_that_somebody_else_saved_meanwhile(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    page = client.get(stage.url(f"schedules/{pk}/edit/")).context["seen"]
    draft_of(stage, client, pk, **{"p0-begin": "07:00"})
    wrong = client.post(stage.url(f"schedules/{pk}/edit/"), fields(seen=page, **{"p0-begin": "25:00"}))
    assert wrong.context["seen"] == page
    again = client.post(stage.url(f"schedules/{pk}/edit/"), fields(seen=wrong.context["seen"]))
    assert (again.status_code, again.context["refused"]) == (422, "draft_changed")


@pytest.mark.parametrize("begin", ["office", "night", "monthly", "stop", "unknown"])
def test_a_new_schedule_begins_with_a_form_that_can_be_saved_as_it_stands(stage: Stage, begin: str) -> None:
    page = stage.client(Role.OPERATOR).get(stage.url(f"schedules/new/?preset={begin}"))
    assert page.context["schedule"] is not None
    assert len(page.context["days"]) == 14


# -- a publication over many resources ------------------------------------------------------------------------------------


def test_a_publication_for_a_thousand_resources_stays_readable_and_costs_what_one_costs(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    stage.resource(tags={"Schedule": "日勤"}, name="=HYPERLINK(0)")
    draft_of(stage, client, pk, **{"p0-begin": "09:00"})
    few = asked(client, stage.url(f"schedules/{pk}/publish/"))
    stage.resources(999, tags={"Schedule": "日勤"})
    many = asked(client, stage.url(f"schedules/{pk}/publish/"))
    assert len(many) == len(few), "\n".join(sorted(set(many) - set(few)))
    shown = client.get(stage.url(f"schedules/{pk}/publish/")).context["shown"]
    [group] = shown["forecast"]["groups"]
    assert (group["count"], len(group["names"]), group["more"]) == (1000, 50, 950)
    _begun, *whole, _last = group["days"]  # the 14 days begin and end at this time of day
    assert {len(day["before"]) for day in whole} == {2}
    client.post(stage.url(f"schedules/{pk}/publish/"), {"reason": "変更", "seen": shown["digest"]})
    page = stage.client(Role.APPROVER).get(stage.url(f"operations/{operation(stage).id}/"))
    assert "950" in page.content.decode()
    assert len(page.content) < 200_000
    assert confirm(stage, Role.APPROVER) == 302


def test_every_line_of_a_publication_is_had_as_csv_without_formulas(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    stage.resource(tags={"Schedule": "日勤"}, name="=HYPERLINK(0)")
    stage.resources(2, tags={"Schedule": "日勤"})
    draft_of(stage, client, pk, **{"p0-begin": "09:00"})
    answer = stage.client(Role.VIEWER).get(stage.url(f"schedules/{pk}/publish/forecast.csv"))
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    sums = client.get(stage.url(f"schedules/{pk}/publish/")).context["shown"]["forecast"]["sums"]
    assert len(rows) == sum(sums.values())
    assert {(row["time"], row["action"], row["change"]) for row in rows} == {
        ("08:30", "start", "removed"),
        ("09:00", "start", "added"),
    }
    assert "'=HYPERLINK(0)" in {row["resource"] for row in rows}


@pytest.mark.parametrize("path", ["", "?show=archived", "{pk}/", "{pk}/compare/", "{pk}/edit/"])
def test_a_page_costs_the_same_for_many_resources_and_revisions(stage: Stage, path: str) -> None:
    client = stage.client(Role.OPERATOR)
    pk = make(stage, client)
    draft_of(stage, client, pk, **{"p0-begin": "09:00"})
    stage.resource(tags={"Schedule": "日勤"})
    url = stage.url(f"schedules/{path.format(pk=pk)}")
    few = asked(client, url)
    stage.resources(30, tags={"Schedule": "日勤"})
    publish(stage, client, pk)
    for minute in range(3):
        draft_of(stage, client, pk, **{"p0-begin": f"09:1{minute}"})
    many = asked(client, url)
    assert len(many) == len(few), "\n".join(sorted(set(many) - set(few)))


def asked(client: Client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as seen:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in seen if not FRAME.match(query["sql"])]
