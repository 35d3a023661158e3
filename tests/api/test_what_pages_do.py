"""What pages do, over the API: the same operations, the same rights, the same refusals."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest

from accounts.domain.permissions import Role
from infra.operations.deleting import KIND
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.models import Operation
from medical_audit.operations.exports import making
from medical_audit.tenancy import tenant_scope
from tests.api.test_v1 import problem, send
from tests.conftest import _as_role
from tests.pages.test_leftovers import left
from tests.stage import Stage, signed_in

#: Of what stands, whatever it is.
ANY = {"If-Match": "*"}


def kinds(stage: Stage) -> set[str]:
    with tenant_scope(stage.cast.tenant.id):
        return set(Operation.objects.values_list("kind", flat=True))


def test_left_over_volumes_are_listed_kept_and_their_deletion_entered(stage: Stage) -> None:
    rows = left(stage, 3)
    client = stage.client(Role.OPERATOR)
    url = stage.api("volumes/left-over/")
    assert {one["id"] for one in client.get(url).json()["results"]} == {str(row.id) for row in rows}
    keep = {"volumes": [str(rows[0].id)], "days": 30, "reason": "移行の確認まで"}
    assert send(client, f"{url}keep/", keep).json() == {"kept": 1}
    delete = {"volumes": [str(row.id) for row in rows[1:]], "token": uuid.uuid4().hex, "reason": "不要"}
    answer = send(client, f"{url}delete/", delete)
    assert (answer.status_code, len(answer.json()["entered"]), answer.json()["undone"]) == (201, 2, [])
    assert len(send(client, f"{url}delete/", delete).json()["entered"]) == 2, (
        "the same token enters each once"
    )
    with tenant_scope(stage.cast.tenant.id):
        assert Operation.objects.filter(kind=KIND).count() == 2
    assert send(stage.client(Role.VIEWER), f"{url}keep/", keep).status_code == 403
    assert signed_in(stage.cast.stranger).get(url).status_code == 404
    assert client.get(f"{url}money/").json()["unpriced"] >= 2


def test_a_database_its_snapshots_and_a_campaign(stage: Stage) -> None:
    database = stage.resource(kind="rds", aws_state="available", state="running", name="karte")
    snapshot = stage.snapshot(database)
    client = stage.client(Role.OPERATOR)
    (one,) = client.get(stage.api("databases/")).json()["results"]
    assert (one["id"], one["name"]) == (str(database.id), "karte")
    entered = send(
        client, stage.api(f"databases/{database.id}/snapshot/"), {"name": "toban-karte-1", "reason": "更新前"}
    )
    assert entered.status_code == 201
    assert client.get(stage.api(f"database-snapshots/{snapshot.id}/")).json()["name"] == snapshot.name
    body = json.dumps({"reason": "不要"})
    gone = client.delete(
        stage.api(f"database-snapshots/{snapshot.id}/"), body, content_type="application/json"
    )
    assert gone.status_code == 201
    begins = clock.now() + timedelta(hours=1)
    wave = {
        "begins": begins.isoformat(),
        "ends": (begins + timedelta(hours=3)).isoformat(),
        "databases": [str(database.id)],
    }
    refused = send(
        client, stage.api("certificate-campaigns/"), {"ca": "no-such-ca", "waves": [wave], "reason": "期限"}
    )
    assert refused.status_code == 422
    campaign = stage.campaign(database)
    found = client.get(stage.api(f"certificate-campaigns/{campaign.id}/")).json()
    assert (found["total"], found["waves"][0]["lines"][0]["name"]) == (1, "karte")


def test_a_planning_file_is_looked_at_and_entered_as_it_was_seen(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    content = client.get(stage.api("planning/")).json()["content"]
    same = send(client, stage.api("planning/look/"), {"content": content}).json()
    assert same["steps"] == []
    broken = send(client, stage.api("planning/look/"), {"content": "schedules: 7"})
    assert (broken.status_code, "1行目" in str(problem(broken)["fields"])) == (400, True)
    stale = send(client, stage.api("planning/"), {"content": content, "seen": "0" * 64, "reason": "整理"})
    assert (stale.status_code, problem(stale)["code"]) == (409, "plan_changed")


def test_prices_are_entered_with_source_and_date(stage: Stage) -> None:
    stage.resource(type="t3.small")
    price = {
        "kind": "ec2", "type": "t3.small", "per_unit": "0.0272", "currency": "USD", "source": "AWS", "as_of": "2026-11-01",
    }  # fmt: skip
    client = stage.client(Role.ADMINISTRATOR)
    assert send(client, stage.api("prices/"), {"prices": [price], "reason": "更新"}, **ANY).status_code == 201
    assert send(client, stage.api("prices/"), {"prices": [], "reason": "更新"}, **ANY).status_code == 422
    (one,) = client.get(stage.api("prices/")).json()["results"]
    assert (one["type"], one["per_unit"]) == ("t3.small", None), "nobody has confirmed it"
    wrong = [
        price | {"as_of": "2999-01-01"},
        price | {"region": "Tokyo"},
        price,
        price | {"type": "T3.Small"},
    ]
    refused = send(client, stage.api("prices/"), {"prices": wrong, "reason": "更新"}, **ANY)
    said = str(problem(refused)["fields"])
    assert refused.status_code == 400
    assert [f"{code}: " in said for code in ("future_date", "bad_region", "named_twice")] == [True] * 3
    large = send(
        client, stage.api("prices/"), {"prices": [price | {"type": "M5.Large"}], "reason": "更新"}, **ANY
    )
    assert large.json()["shown"]["prices"][0]["type"] == "m5.large", "as it is looked for"


def test_an_emergency_right_is_asked_for_and_thresholds_are_entered(stage: Stage) -> None:
    asked = send(stage.client(Role.VIEWER), stage.api("emergencies/"), {"minutes": 60, "reason": "障害"})
    assert (asked.status_code, asked.json()["kind"]) == (201, "emergency.open")
    client = stage.client(Role.ADMINISTRATOR)
    read = client.get(stage.api("anomalies/limits/"))
    limits, tag = read.json()["limits"], {"If-Match": read["ETag"]}
    name, value = next(iter(limits.items()))
    wrong = send(client, stage.api("anomalies/limits/"), {"limits": {name: 999_999}, "reason": "調整"}, **tag)
    assert (wrong.status_code, problem(wrong)["code"]) == (422, "bad_parameter")
    entered = send(
        client, stage.api("anomalies/limits/"), {"limits": {name: value + 1}, "reason": "調整"}, **tag
    )
    assert entered.status_code == 201
    assert client.get(stage.api("anomalies/")).status_code == 200


def test_a_review_is_begun_and_its_events_read(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)
    begun = send(client, stage.api("reviews/"), {"month": None})
    assert begun.status_code == 201
    url = stage.api(f"reviews/{begun.json()['id']}/")
    assert client.get(url).json()["standing"] in ("begun", "drawn")
    assert client.get(f"{url}items/").status_code == 200
    assert send(stage.client(Role.OPERATOR), stage.api("reviews/"), {"month": None}).status_code == 403


def test_an_export_is_asked_for_made_and_taken(stage: Stage) -> None:
    stage.entered()
    client, url = stage.client(Role.AUDITOR), stage.api("exports/")
    strange = send(client, url, {"format": "csv", "purpose": "点検", "filter": {"nonsense": "1"}})
    assert strange.status_code == 400
    asked = send(client, url, {"format": "csv", "purpose": "点検", "filter": {"event": "operation.entered"}})
    assert (asked.status_code, asked.json()["state"]) == (202, "asked")
    one = f"{url}{asked.json()['id']}/"
    assert client.get(f"{one}file/").status_code in (409, 422), "it is not made yet"
    with _as_role("worker"):
        actor = system_actor(stage.cast.tenant.id, "exports")
        making.make_due(stage.cast.tenant.id, actor=actor, clock=clock.now)
    assert client.get(one).json()["state"] == "ready"
    file = client.get(f"{one}file/")
    text = b"".join(file.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert "operation.entered" in text
    assert "attachment" in file["Content-Disposition"]
    assert stage.client(Role.OPERATOR).get(one).status_code == 403
    assert signed_in(stage.cast.stranger).get(one).status_code == 404


@pytest.mark.parametrize("path", ["reports/accounts/", "retention/", "exports/"])
def test_what_auditors_read_others_do_not(stage: Stage, path: str) -> None:
    assert stage.client(Role.AUDITOR).get(stage.api(path)).status_code == 200
    assert stage.client(Role.VIEWER).get(stage.api(path)).status_code == 403


def test_a_term_of_keeping_is_entered_against_the_version_that_was_read(stage: Stage) -> None:
    client, url = stage.client(Role.ADMINISTRATOR), stage.api("retention/")
    wanted: dict[str, Any] = {"years": 10, "reason": "院内規程"}
    assert send(client, url, wanted, **{"If-Match": '"other"'}).status_code == 412
    assert send(client, url, wanted, **{"If-Match": client.get(url)["ETag"]}).status_code == 201
    assert "ledger.retention" in kinds(stage)
