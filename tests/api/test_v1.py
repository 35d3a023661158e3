"""The REST API as a client program meets it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts.domain.permissions import Role
from infra.operations.drafts import discard_draft
from medical_audit import clock
from medical_audit.domain.errors import StaleContent
from medical_audit.domain.states import State
from medical_audit.models import Event, Operation
from medical_audit.tenancy import tenant_scope
from tests.factories import PASSWORD
from tests.stage import Stage, signed_in

#: Brackets in brackets, as a cursor.
NESTED = "W1tb" * 500


def send(client: Client, url: str, body: object, **headers: str) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return client.post(url, text, content_type="application/json", headers=headers)


def problem(answer: Any) -> dict[str, Any]:
    assert answer["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.content)
    assert document["request_id"] == answer["X-Request-Id"]
    assert document["status"] == answer.status_code
    return document


def test_my_tenants(stage: Stage) -> None:
    (tenant,) = stage.client(Role.AUDITOR).get("/api/v1/tenants/").json()["results"]
    assert (tenant["slug"], tenant["roles"]) == (stage.slug, ["auditor"])


def test_a_start_is_entered_confirmed_and_told(stage: Stage) -> None:
    client, row = stage.client(Role.OPERATOR), stage.resource(name="web")
    answer = send(
        client, stage.api("operations/"), {"kind": "ec2.start", "resource": str(row.id), "reason": "保守"}
    )
    assert answer.status_code == 201
    entered = answer.json()
    assert entered["state"] == "ENTERED"
    assert entered["shown"]["call"] == "ec2:StartInstances"
    url = stage.api(f"operations/{entered['id']}/")
    wrong = send(client, f"{url}confirm/", {"digest": entered["digest"], "password": "wrong"})
    assert (wrong.status_code, problem(wrong)["code"]) == (422, "wrong_password")
    stale = send(client, f"{url}confirm/", {"digest": "0" * 64, "password": PASSWORD})
    assert (stale.status_code, problem(stale)["code"]) == (409, "stale_content")
    confirmed = send(client, f"{url}confirm/", {"digest": entered["digest"], "password": PASSWORD})
    assert confirmed.json()["state"] == "CONFIRMED"
    assert client.get(url).json()["confirmed_by"]["name"] == "operator"
    assert (
        client.get(stage.api("operations/"), {"state": "CONFIRMED"}).json()["results"][0]["id"]
        == entered["id"]
    )
    with tenant_scope(stage.cast.tenant.id):
        kinds = (
            Event.objects.filter(operation_id=entered["id"]).order_by("ord").values_list("kind", flat=True)
        )
        assert list(kinds) == ["operation.entered", "operation.confirmed"]


def test_a_repeated_idempotency_key_enters_once(stage: Stage) -> None:
    client, row = stage.client(Role.OPERATOR), stage.resource()
    body = {"kind": "ec2.start", "resource": str(row.id), "reason": "保守"}
    answers = [
        send(client, stage.api("operations/"), body, **{"Idempotency-Key": "job-00000001"})
        for _try in range(2)
    ]
    assert len({answer.json()["id"] for answer in answers}) == 1
    with tenant_scope(stage.cast.tenant.id):
        assert Operation.objects.count() == 1
    assert problem(send(client, stage.api("operations/"), body, **{"Idempotency-Key": "?"}))["status"] == 422


def test_an_idempotency_key_stands_for_one_content(stage: Stage) -> None:
    client, (row, other) = stage.client(Role.OPERATOR), stage.resources(2)
    body = {"kind": "ec2.start", "resource": str(row.id), "reason": "保守"}
    key = {"Idempotency-Key": "job-00000002"}
    first = send(client, stage.api("operations/"), body, **key).json()
    for change in ({"resource": str(other.id)}, {"reason": "別の理由"}, {"kind": "ec2.stop"}):
        told = problem(send(client, stage.api("operations/"), body | change, **key))
        assert (told["status"], told["code"]) == (422, "key_reused"), change
    with tenant_scope(stage.cast.tenant.id):
        assert Operation.objects.count() == 1
    again = send(client, stage.api("operations/"), body, **key)
    assert again.json() == first
    assert again["Idempotency-Replayed"] == "true"


def test_what_was_refused_leaves_its_key_free(stage: Stage) -> None:
    client, row = stage.client(Role.OPERATOR), stage.resource()
    body = {"kind": "ec2.stop", "resource": str(row.id), "reason": "保守"}
    key = {"Idempotency-Key": "job-00000003"}
    assert problem(send(client, stage.api("operations/"), body, **key))["code"] == "already_stopped"
    assert send(client, stage.api("operations/"), body | {"kind": "ec2.start"}, **key).status_code == 201


def test_a_key_is_its_callers_own(stage: Stage) -> None:
    row, key = stage.resource(), {"Idempotency-Key": "job-00000004"}
    body = {"kind": "ec2.start", "resource": str(row.id), "reason": "保守"}
    first = send(stage.client(Role.OPERATOR), stage.api("operations/"), body, **key)
    other = send(stage.client(Role.APPROVER), stage.api("operations/"), body, **key)
    assert first.status_code == 201
    assert problem(other)["code"] != "key_reused"
    assert "Idempotency-Replayed" not in other


def test_only_the_fields_that_are_asked_for(stage: Stage) -> None:
    row, client = stage.resource(name="web"), stage.client(Role.VIEWER)
    (told,) = client.get(stage.api("resources/"), {"fields": "id,name"}).json()["results"]
    assert told == {"id": str(row.id), "name": "web"}
    one = client.get(stage.api(f"resources/{row.id}/"), {"fields": "aws_id"}).json()
    assert one == {"aws_id": row.aws_id}
    wrong = problem(client.get(stage.api("resources/"), {"fields": "id,secret"}))
    assert wrong["status"] == 400
    assert "secret" in wrong["fields"]["fields"][0]


def test_what_has_not_changed_is_not_sent_again(stage: Stage) -> None:
    operation, client = stage.entered(), stage.client(Role.OPERATOR)
    url = stage.api(f"operations/{operation.id}/")
    tag = client.get(url)["ETag"]
    again = client.get(url, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert send(client, f"{url}withdraw/", {}, **{"If-Match": '"another"'}).status_code == 412
    assert send(client, f"{url}withdraw/", {}, **{"If-Match": tag}).json()["state"] == "WITHDRAWN"
    assert client.get(url, headers={"If-None-Match": tag}).status_code == 200


def test_a_draft_is_changed_only_by_who_read_it(stage: Stage) -> None:
    client, content = (
        stage.client(Role.OPERATOR),
        {"zone": "Asia/Tokyo", "periods": [{"begin": "08:30"}], "options": {}},
    )
    made = send(client, stage.api("schedules/"), {"name": "外来", "content": content})
    assert made.status_code == 201
    url = stage.api(f"schedules/{made.json()['id']}/draft/")
    tag = client.get(url)["ETag"]
    changed = {"content": content | {"periods": [{"begin": "09:00"}]}}

    def put(**headers: str) -> Any:
        return client.put(url, json.dumps(changed), content_type="application/json", headers=headers)

    assert problem(put())["code"] == "precondition_required"
    assert problem(put(**{"If-None-Match": "*"}))["status"] == 412
    assert put(**{"If-Match": tag}).status_code == 200
    assert problem(put(**{"If-Match": tag}))["code"] == "precondition_failed"
    wrong = client.put(
        url,
        json.dumps({"content": {"zone": "Mars"}}),
        content_type="application/json",
        headers={"If-Match": "*"},
    )
    assert problem(wrong)["code"] == "bad_content"
    with pytest.raises(StaleContent):
        discard_draft(
            UUID(made.json()["id"]), seen="0" * 64, actor=stage.cast.actor(Role.OPERATOR), now=clock.now()
        )
    assert client.delete(url, headers={"If-Match": client.get(url)["ETag"]}).status_code == 204
    assert client.get(url).status_code == 404


def test_an_override_is_entered_confirmed_and_ended(stage: Stage) -> None:
    client, row = stage.client(Role.OPERATOR), stage.resource()
    until = (clock.now() + timedelta(hours=3)).isoformat()
    body = {"wish": "running", "until": until, "resources": [str(row.id)], "reason": "夜間作業"}
    entered = send(client, stage.api("overrides/"), body).json()
    confirm = stage.api(f"operations/{entered['id']}/confirm/")
    assert (
        send(client, confirm, {"digest": entered["digest"], "password": PASSWORD}).json()["state"]
        == "SUCCEEDED"
    )
    (held,) = client.get(stage.api("overrides/")).json()["results"]
    assert (held["wish"], held["resources"], held["entered_by"]) == ("running", [str(row.id)], "operator")
    ending = send(client, stage.api(f"overrides/{held['id']}/end/"), {"reason": "早く済んだ"})
    assert ending.json()["kind"] == "override.end"


def test_calls_are_counted_and_too_many_refused(stage: Stage, settings: Any) -> None:
    client, url = stage.client(Role.VIEWER), stage.api("projects/")
    first = client.get(url)
    assert (first["RateLimit-Limit"], int(first["RateLimit-Remaining"])) == (
        str(settings.API_PER_MINUTE),
        settings.API_PER_MINUTE - 1,
    )
    settings.API_PER_MINUTE = 0
    refused = client.get(url)
    assert problem(refused)["code"] == "too_many_calls"
    assert 0 < int(refused["Retry-After"]) <= 60


def test_without_valkey_calls_are_answered_and_not_counted(stage: Stage, settings: Any) -> None:
    settings.REDIS_URL, settings.API_PER_MINUTE = "unix:///nowhere/valkey.sock?db=0", 0
    answer = stage.client(Role.VIEWER).get(stage.api("projects/"))
    assert (answer.status_code, answer["RateLimit-Remaining"]) == (200, "0")


def test_a_problem_is_told_in_the_language_of_the_caller(stage: Stage) -> None:
    client, url = stage.client(Role.OPERATOR), stage.api("operations/")
    told = {
        language: problem(send(client, url, {}, **{"Accept-Language": language})) for language in ("ja", "en")
    }
    assert told["ja"]["fields"]["reason"] == ["この項目は必須です。"]
    assert told["en"]["fields"]["reason"] == ["This field is required."]
    assert told["ja"]["title"] != told["en"]["title"]
    assert {one["code"] for one in told.values()} == {"invalid"}


def test_what_cannot_be_entered_says_why(stage: Stage) -> None:
    client = stage.client(Role.OPERATOR)
    running = stage.resource(state="running")

    def code(**change: object) -> str:
        body = {"kind": "ec2.start", "resource": str(running.id), "reason": "保守"} | change
        return str(problem(send(client, stage.api("operations/"), body))["code"])

    assert code() == "already_running"
    told = problem(
        send(
            client,
            stage.api("operations/"),
            {"kind": "ec2.start", "resource": str(running.id), "reason": "保守"},
        )
    )
    assert told["title"] == "すでに稼働しています。"
    assert code(kind="rds.stop") == "wrong_kind"
    assert code(kind="ec2.reboot") == "unknown_kind"
    assert code(reason=" ") == "invalid"
    assert code(reason="x\x00") == "invalid"
    assert code(resource="no-id") == "invalid"


def test_fields_that_are_wrong_are_named(stage: Stage) -> None:
    answer = send(stage.client(Role.OPERATOR), stage.api("operations/"), {"kind": "ec2.start"})
    assert set(problem(answer)["fields"]) == {"resource", "reason"}


def test_what_is_not_json_is_refused_as_such(stage: Stage) -> None:
    client, url = stage.client(Role.OPERATOR), stage.api("operations/")
    assert problem(send(client, url, "{not json"))["status"] == 400
    assert problem(send(client, url, '["a"]'))["status"] == 400
    assert problem(send(client, url, "[" * 100_000))["status"] == 400
    assert problem(send(client, url, '{"a":' * 500 + "1" + "}" * 500))["status"] == 400
    form = client.post(url, {"kind": "ec2.start"})
    assert problem(form)["status"] == 415


def test_pages_of_a_list_by_cursor(stage: Stage) -> None:
    rows = stage.resources(7)
    client, url = stage.client(Role.VIEWER), stage.api("resources/")
    seen: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(url, {"limit": "3", "after": cursor}).json()
        seen.append([row["id"] for row in page["results"]])
        cursor = page["next"]
    assert [len(ids) for ids in seen] == [3, 3, 1]
    assert {one for ids in seen for one in ids} == {str(row.id) for row in rows}
    assert client.get(url, {"limit": "0"}).status_code == 200
    assert client.get(url, {"limit": "9" * 400}).status_code == 200
    for cursor in ("?", NESTED):
        assert problem(client.get(url, {"after": cursor}))["code"] == "bad_cursor"


def test_a_resource_tells_why_and_when(stage: Stage) -> None:
    row = stage.resource(tags={"AutoStart": "08:30", "AutoStop": "19:00"})
    stage.finding(row)
    told = stage.client(Role.VIEWER).get(stage.api(f"resources/{row.id}/")).json()
    assert told["automation"] is True
    assert len(told["plan"]) == 7
    assert told["next_change"]["action"] in ("start", "stop")
    assert told["findings"][0]["suggestion"] == "08:00"


def test_who_turned_it_down_and_why(stage: Stage) -> None:
    first, second = stage.entered(), stage.entered()
    approver, operator = stage.client(Role.APPROVER), stage.client(Role.OPERATOR)
    rejected = send(approver, stage.api(f"operations/{first.id}/reject/"), {"reason": "対象が違う"})
    withdrawn = send(operator, stage.api(f"operations/{second.id}/withdraw/"), {})
    assert [rejected.json()["state"], withdrawn.json()["state"]] == [State.REJECTED, State.WITHDRAWN]
    assert send(approver, stage.api(f"operations/{first.id}/reject/"), {"reason": "again"}).status_code == 409


def test_events_with_their_place_in_the_chain_and_reading_is_recorded(stage: Stage) -> None:
    client = stage.client(Role.AUDITOR)
    client.get(stage.api("events/"))
    told = client.get(stage.api("events/"), {"event": "ledger.viewed"}).json()["results"]
    assert len(told) == 1
    assert told[0]["seq"] > 0
    assert len(told[0]["hash"]) == 64
    assert told[0]["said"]["actor"]["name"] == "auditor"


def test_a_stranger_is_told_that_nothing_is_there(stage: Stage) -> None:
    row = stage.resource()
    stranger = signed_in(stage.cast.stranger)
    slug = stage.cast.other_tenant.slug
    assert problem(stranger.get(stage.api("resources/")))["code"] == "not_found"
    assert problem(stranger.get(f"/api/v1/tenants/{slug}/resources/{row.id}/"))["code"] == "not_found"
    body = {"kind": "ec2.start", "resource": str(row.id), "reason": "保守"}
    assert problem(send(stranger, f"/api/v1/tenants/{slug}/operations/", body))["code"] == "not_found"
    with tenant_scope(stage.cast.tenant.id):
        assert Operation.objects.count() == 0
