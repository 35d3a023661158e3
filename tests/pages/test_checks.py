"""What stops the start, each with the name of the variable and the cure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.db import connection
from pytest_django import Settings

from config.checks import check_database_role, check_settings, prove_settings
from config.console.quality import BESIDES
from config.settings import trusted_proxies
from tests.conftest import AsRole
from tests.infra.tls_server import authority

GOOD_KEY = "correct-horse-battery-staple-0123456789-abcdefghijklmnop"


@pytest.fixture
def production(settings: Settings) -> Settings:
    """Settings of a well-kept production."""
    settings.LOCAL, settings.DEBUG, settings.SECRET_KEY = False, False, GOOD_KEY
    settings.ALLOWED_HOSTS, settings.TOBAN_CLOCK_OFFSET, settings.AWS_ENDPOINT_URL = (
        ["toban.example.jp"],
        0.0,
        "",
    )
    settings.REDIS_URL = "redis://:secret@broker.example.jp:6379/0"
    return settings


def ids() -> list[str | None]:
    return [message.id for message in check_settings()]


def test_a_well_kept_production_has_nothing_to_say(production: Settings) -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SECRET_KEY", "short", "toban.E001"),
        ("SECRET_KEY", "a" * 60, "toban.E001"),
        ("ALLOWED_HOSTS", [], "toban.E002"),
        ("ALLOWED_HOSTS", ["toban.example.jp", "*"], "toban.E002"),
        ("TOBAN_METRICS_TOKEN", "short", "toban.E003"),
        ("DEBUG", True, "toban.E004"),
        ("TOBAN_CLOCK_OFFSET", 60.0, "toban.E005"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000", "toban.E006"),
        ("REDIS_URL", "redis://broker.example.jp:6379/0", "toban.W001"),
    ],
)
def test_what_is_dangerous_is_named_with_its_cure(
    production: Settings, name: str, value: object, expected: str
) -> None:
    setattr(production, name, value)
    (message,) = check_settings()
    assert message.id == expected
    assert message.msg.startswith(name)


def test_a_bundle_of_authorities_that_cannot_be_read_stops_the_start(
    production: Settings, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    production.RDS_CA_BUNDLE = str(bundle)
    assert ids() == ["toban.E009"]
    bundle.write_text("no certificate")
    assert ids() == ["toban.E009"]
    bundle.write_bytes(authority())
    assert ids() == []


def test_without_keys_for_names_and_secrets_only_the_sealer_begins(production: Settings) -> None:
    production.SECRETS_KEYS = {}
    assert ids() == ["toban.E008"]
    production.PROCESS = "sealer"
    assert ids() == []


def test_a_tls_proxy_that_is_not_trusted_is_told(production: Settings) -> None:
    production.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert ids() == ["toban.W002"]
    production.TRUSTED_PROXIES = trusted_proxies(["127.0.0.1"])
    assert ids() == []


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:6379/0", "redis://[::1]/0", "redis://localhost/0", "unix:///run/v.sock?db=0"]
)
def test_a_broker_on_this_machine_needs_no_password(production: Settings, url: str) -> None:
    production.REDIS_URL = url
    assert ids() == []


@pytest.mark.parametrize("role", ["web", "worker", "scheduler", "audit"])
def test_the_roles_of_the_processes_are_bound_by_the_walls(as_role: AsRole, role: str) -> None:
    with as_role(role):
        assert check_database_role() == []


def test_the_owner_and_a_superuser_are_refused(as_role: AsRole, capsys: pytest.CaptureFixture[str]) -> None:
    with as_role("owner"), pytest.raises(SystemExit) as stopped:
        prove_settings()
    assert stopped.value.code == 3
    assert "DATABASE_URL: the role toban_owner owns tables" in capsys.readouterr().err
    with as_role("super"):
        assert "is a superuser" in check_database_role()[0].msg


def test_a_database_that_is_away_is_said_and_does_not_end_a_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    try:
        prove_settings()
    finally:
        connection.close()
    assert "toban.E010: DATABASE_URL: the database does not answer" in capsys.readouterr().err


def test_djangos_own_deploy_checks_run_ours(as_role: AsRole) -> None:
    with as_role("owner"):
        found = run_checks(databases=["default"], include_deployment_checks=True)
    assert "toban.E011" in {message.id for message in found}


def test_production_speaks_over_https_only() -> None:
    """As a process of `./toban serve` reads its settings."""
    names = ["SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS"]
    asked = f"from config import settings; print([getattr(settings, name) for name in {names}])"
    done = subprocess.run(
        [sys.executable, "-c", asked], env=os.environ | BESIDES["deployment"], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str([True, True, True, 365 * 24 * 3600])


def test_migrating_is_not_hindered(as_role: AsRole) -> None:
    with as_role("owner"):
        assert [one for one in run_checks(databases=["default"]) if (one.id or "").startswith("toban")] == []
