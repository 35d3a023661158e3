"""The ledger's page: who may read it, what it shows, and that reading it is recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils.html import escape

from accounts.domain.permissions import Permission, Role
from medical_audit import clock
from medical_audit.domain import rights
from medical_audit.models import Event
from medical_audit.queries.verification import verify
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.stage import Stage, signed_in


def views(stage: Stage) -> list[dict[str, Any]]:
    with tenant_scope(stage.cast.tenant.id):
        return [
            dict(event.said)
            for event in Event.objects.filter(kind__in=("ledger.viewed", "ledger.searched")).order_by("ord")
        ]


def test_an_auditor_reads_it_and_that_is_recorded_with_what_was_asked(stage: Stage) -> None:
    stage.entered()
    client = stage.client(Role.AUDITOR)
    page = client.get(stage.url("ledger/"), {"event": "operation.entered"})
    assert [row.event.kind for row in page.context["rows"]] == ["operation.entered"]
    assert page.context["rows"][0].link.seq <= page.context["chain"].events
    (view,) = views(stage)
    assert view["actor"]["name"] == "auditor"
    assert view["kind"] == "ledger.searched"
    asked = {"events": 1, "filter": {"kind": "operation.entered"}, "found": 1, "more": False}
    assert view["detail"] == asked


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.APPROVER])
def test_others_do_not_reach_it_and_see_no_way_to_it(stage: Stage, role: Role) -> None:
    client = stage.client(role)
    assert client.get(stage.url("ledger/")).status_code == 403
    assert stage.url("ledger/") not in client.get(stage.url()).content.decode()
    assert views(stage) == []


def test_it_filters_by_person_subject_text_and_period(stage: Stage) -> None:
    operation = stage.entered()
    client, url = stage.client(Role.AUDITOR), stage.url("ledger/")
    today = clock.now().astimezone(ZoneInfo("Asia/Tokyo")).date()

    def kinds(**query: str) -> set[str]:
        return {row.event.kind for row in client.get(url, query).context["rows"]}

    assert kinds(actor=str(stage.cast.people[Role.OPERATOR].id)) == {"operation.entered"}
    assert kinds(subject=operation.target_id) == {"operation.entered"}
    assert kinds(q="臨時の保守") == {"operation.entered"}
    assert "tenant.founded" in kinds(**{"from": str(today), "to": str(today)})
    assert kinds(to=str(today - timedelta(days=1))) == set()
    assert "tenant.founded" in kinds(**{"from": "not a day", "to": "9999-12-31"})


def test_an_event_says_who_did_what_to_what_when_from_where_and_why(stage: Stage) -> None:
    operation = stage.entered()
    with tenant_scope(stage.cast.tenant.id):
        event = Event.objects.get(kind="operation.entered")
        said = event.said
    client, url = stage.client(Role.AUDITOR), stage.url(f"ledger/events/{event.id}/")
    page = client.get(url).content.decode()
    when = event.at.astimezone(ZoneInfo("Asia/Tokyo"))
    for word in (
        said["actor"]["name"], said["actor"]["id"], "運用担当", said["subject"]["name"], operation.target_id, said["reason"],
        f"{when:%H:%M:%S}", "operation.entered",
    ):  # fmt: skip
        assert word in page, word
    raw = client.get(url, {"form": "raw"}).content.decode()
    assert escape('"kind": "operation.entered"') in raw


def test_the_ledger_of_one_tenant_holds_nothing_of_another(stage: Stage) -> None:
    operation = stage.entered()
    stranger = signed_in(stage.cast.stranger)
    page = stranger.get(f"/t/{stage.cast.other_tenant.slug}/ledger/").content.decode()
    assert stage.cast.tenant.name not in page
    assert str(operation.id) not in page


def test_reading_leaves_the_chain_whole(stage: Stage, as_role: AsRole) -> None:
    client = stage.client(Role.ADMINISTRATOR)
    for _look in range(3):
        assert client.get(stage.url("ledger/")).status_code == 200
    with as_role("audit"):
        assert verify(stage.cast.tenant.id).intact


def test_the_ground_floor_and_the_table_of_roles_speak_of_the_same_rights() -> None:
    named = {value for name, value in vars(rights).items() if name.isupper()}
    assert named <= {str(permission) for permission in Permission}
