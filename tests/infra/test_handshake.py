"""A handshake with a server of each protocol shows which certificate its clients see, and every failure ends by itself."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from infra import handshake
from tests.infra.tls_server import serving

UNTIL = datetime(2027, 11, 30, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("engine", ["mysql", "postgres"])
def test_it_shows_the_certificate_that_clients_see(engine: str) -> None:
    with serving(engine, UNTIL) as port:
        shown = handshake.look(engine, "127.0.0.1", port)
    assert (shown.until, shown.issuer) == (UNTIL, "Amazon RDS ap-northeast-1 Root CA RSA2048 G1")


def test_a_server_without_tls_and_a_closed_door_are_unreachable() -> None:
    with serving("plain") as port, pytest.raises(handshake.Unreachable):
        handshake.look("mariadb", "127.0.0.1", port)
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    with pytest.raises(handshake.Unreachable):
        handshake.look("mysql", "127.0.0.1", port)


def test_one_that_says_nothing_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "TIMEOUT_S", 0.2)
    with serving("silent") as port, pytest.raises(handshake.Unreachable):
        handshake.look("mysql", "127.0.0.1", port)


def test_of_other_engines_nothing_is_said() -> None:
    with pytest.raises(handshake.Unspoken):
        handshake.look("oracle-se2", "127.0.0.1", 1521)


def test_only_doors_of_rds_are_knocked_at(settings: Settings) -> None:
    settings.LOCAL = False
    with (
        serving("mysql", datetime.now(UTC) + timedelta(days=1)) as port,
        pytest.raises(handshake.Unreachable),
    ):
        handshake.look("mysql", "127.0.0.1", port)
