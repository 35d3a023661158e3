"""Receivers and the inbox over the API: as owner, team-mate and stranger, with and without the scope."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.domain.permissions import Role
from medical_audit.models import StoredAnswer
from medical_audit.tenancy import tenant_scope
from tests.accounts.channels import opened
from tests.api.test_v1 import problem, send
from tests.stage import Stage, signed_in
from tests.tokens import bearer, make_token

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WISH: dict[str, Any] = {
    "kind": "webhook", "name": "監視", "url": "https://hooks.example.jp/toban", "wanted": ["operation.*"], "secret": SECRET,
    "reason": "連携のため",
}  # fmt: skip


def put(client: Client, url: str, body: object, **headers: str) -> Any:
    return client.put(url, json.dumps(body), content_type="application/json", headers=headers)


def test_a_receiver_is_entered_and_its_secret_never_comes_back(stage: Stage) -> None:
    client = stage.client(Role.ADMINISTRATOR)
    answer = send(client, stage.api("channels/"), WISH, **{"Idempotency-Key": "receiver-1"})
    assert answer.status_code == 201
    assert answer.json()["state"] == "ENTERED"
    assert SECRET not in answer.content.decode()
    with tenant_scope(stage.cast.tenant.id):
        assert SECRET not in StoredAnswer.objects.get(key="receiver-1").content
    again = send(client, stage.api("channels/"), WISH, **{"Idempotency-Key": "receiver-1"})
    assert (again.json()["id"], again["Idempotency-Replayed"]) == (answer.json()["id"], "true")
    (one,) = client.get(stage.api("channels/")).json()["results"]
    assert (one["state"], one["entered"]) == ("draft", answer.json()["id"])


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"secret": "short"}, 422, "bad_channel_secret"),
        ({"url": "https://10.0.0.1/"}, 422, "private_address"),
        ({"wanted": ["not a kind"]}, 422, "bad_parameter"),
        ({"kind": "fax"}, 400, "invalid"),
    ],
)
def test_what_is_wrong_is_a_problem_document(
    stage: Stage, wrong: dict[str, Any], status: int, code: str
) -> None:
    answer = send(stage.client(Role.ADMINISTRATOR), stage.api("channels/"), WISH | wrong)
    assert (answer.status_code, problem(answer)["code"]) == (status, code)


def test_a_change_names_the_version_that_was_read(stage: Stage) -> None:
    channel, _secret = opened(stage.cast, "https://hooks.example.jp/toban", ["operation.*"])
    client, url = stage.client(Role.ADMINISTRATOR), stage.api(f"channels/{channel.id}/")
    tag = client.get(url)["ETag"]
    body = {"name": "新", "url": "https://hooks.example.jp/b", "wanted": ["*"], "reason": "移転"}
    assert put(client, url, body).status_code == 428
    assert put(client, url, body, **{"If-Match": '"old"'}).status_code == 412
    assert put(client, url, body, **{"If-Match": tag}).status_code == 201
    assert put(stage.client(Role.OPERATOR), url, body, **{"If-Match": tag}).status_code == 403
    assert put(signed_in(stage.cast.stranger), url, body).status_code == 404
    assert client.get(f"{url}?fields=id,name").json() == {"id": str(channel.id), "name": "監視基盤"}


def test_a_token_needs_the_scope(stage: Stage) -> None:
    without = bearer(make_token(stage.cast, Role.ADMINISTRATOR, ["resource.view"]))
    assert send(without, stage.api("channels/"), WISH).status_code == 403
    assert without.get(stage.api("channels/")).status_code == 200
    allowed = bearer(make_token(stage.cast, Role.ADMINISTRATOR, ["resource.view", "channel.edit"]))
    assert send(allowed, stage.api("channels/"), WISH).status_code == 201


def test_the_inbox_is_ones_own(stage: Stage) -> None:
    operation = stage.entered()
    approver = stage.client(Role.APPROVER)
    waiting = approver.get(stage.api("inbox/waiting/")).json()["results"]
    assert str(operation.id) in [one["operation"]["id"] for one in waiting]
    own = stage.client(Role.OPERATOR).get(stage.api("inbox/waiting/")).json()["results"]
    assert str(operation.id) not in [one["operation"]["id"] for one in own]
    choice = approver.get(stage.api("inbox/choice/")).json()
    read = send(approver, stage.api("inbox/read/"), {"up_to": choice["head"]}).json()
    assert read["seen"] == choice["head"]
    kept = put(approver, stage.api("inbox/choice/"), {"inbox": ["failed"]}, **{"If-Match": "*"})
    assert kept.json()["inbox"] == ["failed"]
