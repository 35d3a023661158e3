"""Why a database cannot be reached: each step with its cause and cure, a client's error explained, and no password kept anywhere."""

from __future__ import annotations

import socket

import pytest
from pytest_django import Settings

from accounts.domain.permissions import Role
from infra.domain.diagnosis import SIGN_INS_MAX, Step
from infra.domain.reach import Rule, rule_as_json
from infra.models import Region, Resource
from medical_audit.models import Event
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.infra.test_probe import NAME, leads
from tests.infra.tls_server import serving
from tests.stage import Stage

PASSWORD = "himitsu-2026"


def database(stage: Stage, port: int) -> tuple[Resource, Resource]:
    """A database whose only rule lets another group in, and a host of the same network."""
    facts = {
        "engine": "mariadb", "address": "127.0.0.1", "port": port, "vpc_id": "vpc-1", "groups": ["sg-0000000b"],
    }  # fmt: skip
    row = stage.resource(kind="rds", name="karte", state="running", aws_state="available", facts=facts)
    host = stage.resource(
        name="app", aws_state="running", facts={"vpc_id": "vpc-1", "address": "10.0.1.5", "groups": ["sg-0000000a"]}
    )  # fmt: skip
    rule = Rule("sgr-1", "sg-0000000b", "tcp", port, port, "sg-0000000c", "")
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Region.objects.filter(account=stage.account).update(database_terms={"rules": [rule_as_json(rule)]})
    return row, host


def test_each_step_says_its_cause_and_what_to_do_and_keeps_no_password(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    row, host = database(stage, port)
    client, url = stage.client(Role.OPERATOR), stage.url(f"databases/{row.id}/diagnose/")
    page = client.post(
        url, {"go": "look", "host": str(host.id), "user": "ponsuke", "password": PASSWORD}
    ).content.decode()
    assert "同じ VPC にあります" in page
    assert "ホストを許可するルールがありません" in page
    assert "?source=sg-0000000a" in page
    assert "接続拒否" in page
    assert PASSWORD not in page
    with tenant_scope(stage.cast.tenant.id):
        [event] = Event.objects.filter(kind="resource.diagnosed")
        assert PASSWORD not in str(event.body)


def test_a_person_tries_few_sign_ins_at_a_database_and_each_stands_in_the_ledger(stage: Stage) -> None:
    with serving("mysql") as port:
        row, _host = database(stage, port)
        url = stage.url(f"databases/{row.id}/diagnose/")
        sent = {"go": "look", "user": "ponsuke", "password": PASSWORD}

        def sign_in(role: Role = Role.OPERATOR) -> str:
            found = {line.step: line.cause for line in stage.client(role).post(url, sent).context["lines"]}
            assert found[Step.TLS] == "tls_unchecked"
            return str(found[Step.SIGN_IN])

        causes = [sign_in() for _ in range(SIGN_INS_MAX + 1)]
        assert "too_many_sign_ins" not in causes[:-1]
        assert causes[-1] == "too_many_sign_ins"
        assert sign_in(Role.APPROVER) != "too_many_sign_ins", "it is counted by person"
    with tenant_scope(stage.cast.tenant.id):
        tried = Event.objects.filter(kind="resource.sign_in_tried")
        assert tried.count() == SIGN_INS_MAX + 1
        assert not any(PASSWORD in one.body for one in tried)


def test_a_server_that_takes_nobody_more_says_so_and_no_sign_in_is_tried(stage: Stage) -> None:
    """MySQL's packet of an error stands where its greeting would be."""
    with serving("full") as port:
        row, _host = database(stage, port)
        url = stage.url(f"databases/{row.id}/diagnose/")
        sent = {"go": "look", "user": "ponsuke", "password": PASSWORD}
        lines = {line.step: line for line in stage.client(Role.OPERATOR).post(url, sent).context["lines"]}
    tls, sign_in = lines[Step.TLS], lines[Step.SIGN_IN]
    assert (tls.found, tls.cause, tls.told["said"]) == ("bad", "too_many", "ERROR 1040: Too many connections")
    assert (sign_in.found, sign_in.cause) == ("left_out", "earlier_failed")


def test_a_private_network_that_nobody_named_is_not_called(
    stage: Stage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, _host = database(stage, 3306)
    with _as_role("worker"), tenant_scope(stage.cast.tenant.id):
        Resource.objects.filter(id=row.id).update(facts=row.facts | {"address": NAME})
    settings.LOCAL = False
    leads(monkeypatch, "10.1.2.3")
    answer = stage.client(Role.OPERATOR).post(stage.url(f"databases/{row.id}/diagnose/"), {"go": "look"})
    found = [(line.step, str(line.found), line.cause) for line in answer.context["lines"]][-4:]
    left = ("left_out", "earlier_failed")
    assert found == [
        (Step.NAME, "unknown", "network_not_named"), (Step.TCP, *left), (Step.TLS, *left), (Step.SIGN_IN, *left),
    ]  # fmt: skip
    assert "TOBAN_DATABASE_NETWORKS" in answer.content.decode()


def test_what_a_client_says_is_explained_in_words(stage: Stage) -> None:
    row, _host = database(stage, 3306)
    client, url = stage.client(Role.OPERATOR), stage.url(f"databases/{row.id}/diagnose/")
    known = client.post(url, {"go": "explain", "message": "ORA-12514: TNS:listener does not currently know"})
    assert "サービス名または SID がありません" in known.content.decode()
    unknown = client.post(url, {"go": "explain", "message": "???"})
    assert "Toban の知らないメッセージ" in unknown.content.decode()
