"""A call is carried out and answered, or it is neither; and the answer is one that the description promised."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import path
from rest_framework import serializers

from accounts.domain.permissions import Role
from config import urls
from medical_audit.api.calls import Call, address, answers
from medical_audit.domain.actor import Subject
from medical_audit.models import Event, Operation, StoredAnswer
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from tests.accounts.test_who_proves import give_grace
from tests.api.test_everything import operations
from tests.api.test_v1 import problem, send
from tests.factories import PASSWORD, past_every_guard
from tests.stage import Stage


class BrokenOut(serializers.Serializer[Any]):
    said = serializers.SerializerMethodField()

    def get_said(self, row: Any) -> str:
        raise ZeroDivisionError


@answers(BrokenOut)
def broken(call: Call) -> dict[str, str]:
    """Do something of which nobody can be told."""
    subject = Subject("user", call.actor.id, call.actor.name)
    record("member.notices_chosen", actor=call.actor, subject=subject, now=call.now, detail={})
    return {}


urlpatterns = [path("api/v1/tenants/<slug:slug>/broken/", address(post=broken)), *urls.urlpatterns]
handler500 = urls.handler500


def kept(stage: Stage) -> tuple[int, int, int]:
    with tenant_scope(stage.cast.tenant.id):
        return Operation.objects.count(), Event.objects.count(), StoredAnswer.objects.count()


def test_a_call_that_asks_for_fields_that_are_not_there_has_no_effect(stage: Stage) -> None:
    client, row = stage.client(Role.ADMINISTRATOR), stage.resource(name="web")
    wish = {"kind": "ec2.start", "resource": str(row.id), "reason": "保守"}
    client.get(stage.api("resources/"))  # that he came into the tenant is an event
    before, asked = kept(stage), 0
    for where, method, one in operations():
        names = {parameter["name"] for parameter in one["parameters"]}
        if "fields" not in names or method == "get":
            continue
        content = one.get("requestBody", {}).get("content", {}).get("application/json", {})
        body = content["examples"]["Request"]["value"] if content else {}
        if one["operationId"] == "operation_enter":
            body = wish
        url = where.replace("{slug}", stage.slug).replace("{pk}", str(row.id))
        headers = {"If-Match": "*", "Idempotency-Key": f"fields-{asked:08}"}
        answer = client.generic(
            method.upper(), f"{url}?fields=nonsense", json.dumps(body), content_type="application/json", headers=headers
        )  # fmt: skip
        assert (answer.status_code, list(problem(answer)["fields"])) == (400, ["fields"]), where
        asked += 1
    assert asked > 50
    assert kept(stage) == before


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "broken-00000001"}])
def test_what_cannot_be_told_was_not_done(
    stage: Stage, settings: LazySettings, headers: dict[str, str]
) -> None:
    settings.ROOT_URLCONF = __name__
    client = stage.client(Role.OPERATOR)
    client.raise_request_exception = False
    before = kept(stage)
    assert send(client, stage.api("broken/"), {}, **headers).status_code == 500
    assert kept(stage) == before


def test_a_wrong_password_counts_though_its_call_is_refused(stage: Stage) -> None:
    client, operation = stage.client(Role.APPROVER), stage.entered(role=Role.OPERATOR)
    url = stage.api(f"operations/{operation.id}/confirm/")
    said = [
        problem(send(client, url, {"digest": operation.digest, "password": "wrong"}))["code"]
        for _try in range(12)
    ]
    assert said[0] == "wrong_password"
    assert said[-1] == "too_many_tries"


def test_whatever_the_description_names_may_be_asked_for(stage: Stage, settings: LazySettings) -> None:
    """What is asked for is looked at before who asks, so that a stranger's answer tells it."""
    settings.API_UNKNOWN_PER_MINUTE = 10**6
    stranger, asked = Client(), 0
    for where, method, one in operations():
        url = where.replace("{slug}", stage.slug).replace("{pk}", str(uuid.uuid4()))
        assert "406" not in one["responses"], where
        for kind in {kind for told in one["responses"].values() for kind in told.get("content", {})}:
            answer = stranger.generic(
                method.upper(), url, "{}", content_type="application/json", headers={"Accept": kind}
            )
            assert answer.status_code == 401, (where, method, kind)
            asked += 1
    assert asked > 400
    client = stage.client(Role.VIEWER)
    described = {"Accept": "application/vnd.oai.openapi+json"}
    assert client.get("/api/v1/schema/", headers=described).status_code == 200
    for kind in ("application/problem+json", "text/html", "*/*"):
        assert client.get(stage.api("resources/?limit=1"), headers={"Accept": kind}).status_code == 200


def test_the_grace_of_a_seat_is_none_for_the_api(stage: Stage) -> None:
    """A browser in which the person has just proven himself: its page may confirm without a password, a program's call may not."""
    give_grace(stage.cast)
    operation = stage.entered(role=Role.OPERATOR)
    client = stage.client(Role.APPROVER)
    body = {"digest": operation.digest, "password": ""}
    answer = send(client, stage.api(f"operations/{operation.id}/confirm/"), body)
    assert (answer.status_code, problem(answer)["code"]) == (422, "wrong_password")
    body["password"] = PASSWORD
    assert send(client, stage.api(f"operations/{operation.id}/confirm/"), body).status_code == 200


def test_an_answer_that_is_given_again_has_its_version(stage: Stage) -> None:
    client, row = stage.client(Role.OPERATOR), stage.resource(name="web")
    wish = {"kind": "ec2.start", "resource": str(row.id), "reason": "保守"}
    first, again = (
        send(client, stage.api("operations/"), wish, **{"Idempotency-Key": "again-000000001"})
        for _try in "12"
    )
    assert again["Idempotency-Replayed"] == "true"
    assert (again["ETag"], again.json()) == (first["ETag"], first.json())


def test_what_is_there_already_is_described(stage: Stage) -> None:
    client = stage.client(Role.VIEWER)
    for _where, method, one in operations():
        if method == "get" and "fields" in {parameter["name"] for parameter in one["parameters"]}:
            assert "304" in one["responses"], one["operationId"]
            assert "If-None-Match" in {parameter["name"] for parameter in one["parameters"]}
    tag = client.get(stage.api("resources/"))["ETag"]
    assert client.get(stage.api("resources/"), headers={"If-None-Match": tag}).status_code == 304


def test_every_list_that_is_cut_is_read_to_its_end(stage: Stage) -> None:
    """51 exports: one more than a page holds."""
    past_every_guard(
        "INSERT INTO medical_audit_export (tenant_id, id, format, report, tenant_name, language, question, purpose, asked_by_id, "
        "asked_by_name, asked_at, state, rows, total, bytes, sha256, rows_sha256, problem, attempts) SELECT %s, gen_random_uuid(), 'csv', "
        "'', 'x', 'ja', '{}', 'x', 'x', 'x', now(), 'ready', 0, 0, 0, '', '', '', 0 FROM generate_series(1, 51)",
        [stage.cast.tenant.id],
    )
    ids: list[str] = []
    after: str | None = ""
    while after is not None:
        page = stage.client(Role.AUDITOR).get(stage.api("exports/"), {"after": after} if after else {}).json()
        ids += [one["id"] for one in page["results"]]
        after = page["next"]
    assert (len(ids), len(set(ids))) == (51, 51)
