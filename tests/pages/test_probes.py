"""Probes and metrics: what they say when all is well and when something is away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.domain.permissions import Role
from medical_audit import clock
from medical_audit.operations.heartbeat import beat
from tests.conftest import AsRole
from tests.stage import Stage


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database's address leads nowhere."""
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    yield
    connection.close()


def test_healthz_needs_nobody(no_database: None) -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_readyz_tells_of_database_broker_and_tick(as_role: AsRole) -> None:
    with as_role("scheduler"):
        beat("tick", clock.now() - timedelta(seconds=30))
    answer = Client().get("/readyz")
    body = answer.json()
    assert answer.status_code == 200
    assert 30 <= body.pop("tick_age_s") < 100
    assert body == {"status": "ok", "database": "ok", "broker": "ok", "tick": "ok"}


def test_a_late_tick_is_said_but_takes_no_web_server_out(as_role: AsRole) -> None:
    with as_role("scheduler"):
        beat("tick", clock.now() - timedelta(minutes=5))
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["tick"]) == (200, "late")


def test_readyz_says_503_without_the_database(no_database: None) -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable", "database": "down", "broker": "ok", "tick": "unknown", "tick_age_s": None,
    }  # fmt: skip


def test_readyz_says_503_without_the_broker(settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=0"
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["broker"]) == (503, "down")


def test_metrics_count_requests_by_view_and_never_by_address(stage: Stage) -> None:
    stage.client(Role.VIEWER).get(stage.url("resources/"))
    text = Client().get("/metrics").content.decode()
    assert 'toban_http_requests_total{method="GET",status="200",view="infra:resources"}' in text
    assert "toban_up_broker 1.0" in text
    assert "toban_http_request_seconds_bucket" in text
    assert stage.slug not in text


def test_metrics_are_for_this_machine_or_for_the_token(settings: Settings) -> None:
    far = Client(REMOTE_ADDR="203.0.113.9")
    assert far.get("/metrics").status_code == 403
    assert Client().get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403
    settings.TOBAN_METRICS_TOKEN = "a-token-of-some-length"
    assert far.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 403
    bearer = {"Authorization": f"Bearer {settings.TOBAN_METRICS_TOKEN}"}
    assert far.get("/metrics", headers=bearer).status_code == 200


def test_the_page_says_when_the_clock_stands_still(
    stage: Stage, as_role: AsRole, superuser_connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    client = stage.client(Role.VIEWER)
    superuser_connection.execute("DELETE FROM medical_audit_heartbeat WHERE name = 'tick'")
    assert [one["level"] for one in client.get(stage.url()).context["platform_notices"]] == ["warning"]
    with as_role("scheduler"):
        beat("tick", clock.now())
    assert [one["level"] for one in client.get(stage.url()).context["platform_notices"]] == []
    with as_role("scheduler"):
        beat("tick", clock.now() - timedelta(minutes=5))
    assert [one["level"] for one in client.get(stage.url()).context["platform_notices"]] == ["error"]


def test_a_page_that_breaks_says_so_and_the_next_one_works(
    stage: Stage, superuser_connection: psycopg.Connection[tuple[object, ...]]
) -> None:
    client = stage.client(Role.VIEWER)
    client.raise_request_exception = False
    superuser_connection.execute("REVOKE SELECT ON infra_volume FROM toban_web")
    try:
        for answer in (client.get(stage.url("volumes/")), client.get(stage.api("volumes/"))):
            assert answer.status_code == 500
            assert answer["X-Request-Id"] in answer.content.decode()
            assert "infra_volume" not in answer.content.decode()
    finally:
        superuser_connection.execute("GRANT SELECT ON infra_volume TO toban_web")
    assert client.get(stage.url("volumes/")).status_code == 200


def test_an_error_of_ours_shows_a_page_with_the_id_and_no_detail(no_database: None) -> None:
    client = Client(raise_request_exception=False)
    answer = client.get("/sign-in/")
    assert answer.status_code == 500
    assert answer["X-Request-Id"] in answer.content.decode()
    assert "nowhere" not in answer.content.decode()


def test_even_a_broken_error_page_says_what_happened_and_its_id(settings: Settings) -> None:
    manifest = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": manifest}}
    answer = Client(raise_request_exception=False).get("/sign-in/")
    assert answer.status_code == 500
    assert answer["X-Request-Id"] in answer.content.decode()
    assert answer["Content-Security-Policy"]


def test_a_host_that_is_not_ours_is_refused() -> None:
    assert Client().get("/sign-in/", headers={"Host": "evil.example"}).status_code == 400
