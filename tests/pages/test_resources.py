"""Resources and volumes: what stands in the lists, why it is on or off, and when that changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from accounts.domain.permissions import Role
from infra.models import Attachment
from medical_audit import clock
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import Cast
from tests.stage import Stage, make_stage, signed_in

OFFICE = {"AutoStart": "08:30", "AutoStop": "19:00"}
TOKYO = ZoneInfo("Asia/Tokyo")


def names(client: Client, url: str, **query: str) -> list[str]:
    return [row.resource.name for row in client.get(url, query).context["rows"]]


def test_filters_stand_in_the_address_and_counts_follow_the_other_filters(stage: Stage) -> None:
    stage.resource(name="a-web", state="running", tags=OFFICE)
    bad = stage.resource(name="b-bad", tags={"AutoStart": "8"})
    stage.finding(bad)
    stage.resource(name="c-db", kind="rds", state="running", project="")
    stage.resource(name="d-xray", state="stopped", project="放射線 & 検査")
    client, url = stage.client(Role.VIEWER), stage.url("resources/")
    assert names(client, url) == ["a-web", "b-bad", "c-db", "d-xray"]
    assert names(client, url, state="running") == ["a-web", "c-db"]
    assert names(client, url, kind="rds") == ["c-db"]
    assert names(client, url, project="放射線 & 検査") == ["d-xray"]
    assert names(client, url, project="-") == ["c-db"]
    assert names(client, url, schedule="yes") == ["a-web"]
    assert names(client, url, problem="yes") == ["b-bad"]
    assert names(client, url, problem="no", state="stopped") == ["d-xray"]
    assert names(client, url, account=stage.account.account_id, q="XRAY") == ["d-xray"]
    assert names(client, url, account="999999999999") == names(client, url, q="\x00%") == []
    page = client.get(url, {"kind": "ec2"}).context
    assert page["total"] == 3
    assert {one["value"]: one["count"] for one in page["state_filter"]["options"]} == {
        "running": 1, "stopped": 2, "transition": 0, "unknown": 0,
    }  # fmt: skip
    kinds = next(one for one in page["filters"] if one["name"] == "kind")
    assert {one["value"]: one["count"] for one in kinds["options"]} == {"ec2": 3, "rds": 1}


def test_pages_of_fifty_forwards_and_back_show_each_row_once(stage: Stage) -> None:
    rows = [*stage.resources(100, name="same name"), *stage.resources(20)]
    client, url = stage.client(Role.VIEWER), stage.url("resources/")
    pages: list[list[Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(url, {"after": cursor} if cursor else {}).context
        pages.append([row.resource.id for row in page["rows"]])
        cursor = page["page"].next
    assert [len(one) for one in pages] == [50, 50, 20]
    assert {one for ids in pages for one in ids} == {row.id for row in rows}
    back = client.get(url, {"before": page["page"].previous}).context
    assert [row.resource.id for row in back["rows"]] == pages[1]
    first = client.get(url, {"before": back["page"].previous}).context
    assert [row.resource.id for row in first["rows"]] == pages[0]
    assert first["page"].previous is None


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "W1tb" * 500,
        "bm90LWpzb24",
        "WyJhIl0",
        "WyJhIiwiYiJd",
        "WyJhIiwiYiIsImMiXQ",
        "WyJcdTAwMDAiLCJhIl0",
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(stage: Stage, cursor: str) -> None:
    assert stage.client(Role.VIEWER).get(stage.url("resources/"), {"after": cursor}).status_code == 422


def test_one_resource_says_why_and_when_it_changes(stage: Stage) -> None:
    row = stage.resource(name="web", tags=OFFICE | {"Name": "web"})
    page = stage.client(Role.OPERATOR).get(stage.url(f"resources/{row.id}/"))
    context = page.context
    [period] = context["schedule"].periods
    assert (str(period.begin), str(period.end)) == ("08:30", "19:00")
    assert context["reason"].code in ("within", "before_start", "after_stop", "holiday", "weekend")
    assert context["next"].at > context["now"]
    assert [day.date for day in context["days"]] == [
        context["now"].astimezone(TOKYO).date() + timedelta(days=number) for number in range(7)
    ]
    assert {(button.action, button.refusal) for button in context["buttons"]} == {
        ("start", ""), ("stop", "already_stopped"),
    }  # fmt: skip
    assert "08:30" in page.content.decode()


def test_a_holiday_is_never_shown_as_the_next_start(stage: Stage) -> None:
    row = stage.resource(tags=OFFICE)
    days = stage.client(Role.VIEWER).get(stage.url(f"resources/{row.id}/")).context["days"]
    for day in days:
        working = day.reason.code == "working_day"
        assert (day.start is not None) == working
        assert day.stop is not None
        assert (day.start_skipped is not None) == (day.reason.code == "holiday")


def test_an_account_that_is_only_observed_promises_nothing(cast: Cast) -> None:
    stage = make_stage(cast, automation=False)
    row = stage.resource(tags=OFFICE)
    client = stage.client(Role.VIEWER)
    context = client.get(stage.url(f"resources/{row.id}/")).context
    assert context["standing"].hands_off == "observed"
    assert context["next"] is None
    assert context["would"].at > context["now"]
    assert context["days"] == ()
    [listed] = client.get(stage.url("resources/"), {"mark": "observed"}).context["rows"]
    assert (listed.next, listed.hands_off, listed.would) == (None, "observed", context["would"])
    page = client.get(stage.url(f"resources/{row.id}/")).content.decode()
    assert "実行しません" in page
    [told] = client.get(stage.api("resources/")).json()["results"]
    assert (told["automation"], told["hands_off"], told["drift"]) == (False, "observed", "")


def test_a_tag_never_promises_nothing_and_says_what_would_be_done(stage: Stage) -> None:
    row = stage.resource(tags=OFFICE | {"Toban": "never"})
    client = stage.client(Role.VIEWER)
    context = client.get(stage.url(f"resources/{row.id}/")).context
    assert (context["standing"].hands_off, context["next"], context["days"]) == ("never", None, ())
    assert context["would"].at > context["now"]
    assert names(client, stage.url("resources/"), mark="never") == [row.name]
    assert names(client, stage.url("resources/"), mark="observed") == []


def test_a_stopped_database_counts_down_to_its_restart_by_aws(stage: Stage) -> None:
    told = clock.now() + timedelta(days=3, hours=1)
    stage.resource(name="a-estimated", kind="rds", state="stopped")
    stage.resource(name="b-told", kind="rds", state="stopped", facts={"restarts_at": told.isoformat()})
    stage.resource(name="c-on", kind="rds", state="running")
    client, url = stage.client(Role.VIEWER), stage.url("resources/")
    rows = client.get(url, {"mark": "restart"}).context["rows"]
    assert [(row.resource.name, row.restart.estimated) for row in rows] == [
        ("a-estimated", True),
        ("b-told", False),
    ]
    page = client.get(url, {"mark": "restart"}).content.decode()
    assert "推定" in page
    assert "後に AWS が自動起動" in page
    assert names(client, url, mark="nonsense") == []


def test_a_tag_to_correct_is_shown_with_what_to_write_instead(stage: Stage) -> None:
    row = stage.resource(tags={"AutoStart": "８:30"})
    stage.finding(row, code="full_width", value="８:30", suggestion="08:30")
    page = stage.client(Role.VIEWER).get(stage.url(f"resources/{row.id}/")).content.decode()
    assert "８:30" in page
    assert 'data-copy="08:30"' in page


def test_what_happened_to_it_stands_on_its_page(stage: Stage) -> None:
    row = stage.resource()
    stage.entered(row)
    context = stage.client(Role.VIEWER).get(stage.url(f"resources/{row.id}/")).context
    assert [one["event"].kind for one in context["events"]] == ["operation.entered"]
    assert [one.state for one in context["operations"]] == ["ENTERED"]
    assert context["more_url"] == f"{stage.url('ledger/')}?subject={row.id}"


def test_a_name_made_of_markup_is_only_text(stage: Stage) -> None:
    row = stage.resource(
        name="<img src=x onerror=alert(1)>", project="</script><b>", tags={"<i>": '"><script>'}
    )
    client = stage.client(Role.OPERATOR)
    for path in ("", "resources/", f"resources/{row.id}/", f"operations/enter/?action=start&ids={row.id}"):
        page = client.get(stage.url(path)).content.decode()
        assert "<img src=x" not in page
        assert "<script>" not in page
        assert "<b>" not in page.replace("<b>0</b>", "") or "</script><b>" not in page


def test_the_live_part_is_a_piece_of_the_page(stage: Stage) -> None:
    row = stage.resource()
    client = stage.client(Role.VIEWER)
    for path in ("", "resources/", f"resources/{row.id}/", "operations/"):
        piece = client.get(stage.url(path), {"part": "live"}).content.decode()
        assert "<html" not in piece
        assert "<main" not in piece


def test_volumes_with_what_they_serve_and_what_they_served(stage: Stage, as_role: AsRole) -> None:
    row = stage.resource(name="web")
    (attached,) = stage.volumes(
        1, name="web", served_instance=row.aws_id, served_name="web", served_device="/dev/sda1"
    )
    (left_over,) = stage.volumes(1, state="available", served_name="old-db", detached_at=clock.now())
    stage.volumes(1, state="gone", gone_at=clock.now())
    with as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Attachment.objects.create(
            tenant_id=stage.cast.tenant.id, volume=attached, instance_id=row.aws_id, since=clock.now()
        )
    client, url = stage.client(Role.VIEWER), stage.url("volumes/")

    def ids(**query: str) -> list[Any]:
        return [volume.id for volume in client.get(url, query).context["rows"]]

    assert set(ids()) == {attached.id, left_over.id}
    assert ids(state="available") == ids(named="no") == ids(q="OLD-DB") == [left_over.id]
    assert ids(named="yes", account=stage.account.account_id) == [attached.id]
    assert len(ids(state="gone")) == 1
    detail = client.get(stage.url(f"resources/{row.id}/")).context
    assert [volume.id for volume in detail["volumes"]] == [attached.id]


def test_a_stranger_finds_none_of_it(stage: Stage) -> None:
    stage.resource(name="web")
    stranger = signed_in(stage.cast.stranger)
    slug = stage.cast.other_tenant.slug
    for path in ("resources/", "volumes/", "operations/"):
        assert stranger.get(f"/t/{slug}/{path}?q=web").context["rows"] == []
    assert stranger.get(stage.url("resources/")).status_code == 404
