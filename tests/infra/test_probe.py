"""The way to a real database is tried: who gets in, who is turned away, and that nothing is waited for without end."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_django import Settings

from infra import handshake, probe
from infra.domain.diagnosis import explained
from infra.domain.reach import read_vpc_networks
from tests.infra import mariadb_server
from tests.infra.mariadb_server import OTHER_USER, PASSWORD, USER, mariadb
from tests.infra.tls_server import authority, serving

NAME = "karte.abc.ap-northeast-1.rds.amazonaws.com"

needs_mariadb = pytest.mark.skipif(
    not mariadb_server.at_hand(), reason="no mariadbd here: apt-get install mariadb-server"
)


def test_a_name_that_nobody_has_and_a_door_that_nobody_opens() -> None:
    assert probe.name("no-such-host.invalid").cause == "name_unknown"
    assert probe.name("127.0.0.1").cause == ""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        assert probe.connect("127.0.0.1", port).cause == ""
    assert probe.connect("127.0.0.1", port).cause == "refused"


def test_an_address_that_is_dead_is_given_up_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A door whose queue is full answers nobody, as a closed security group does."""
    monkeypatch.setattr(probe, "TIMEOUT_S", 0.3)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        address = door.getsockname()
        crowd = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(address)
            crowd.append(one)
        tried = probe.connect(*address)
        for one in crowd:
            one.close()
    assert tried.cause == "timed_out"
    assert probe.TIMEOUT_S <= 5


def test_only_doors_of_rds_are_knocked_at(settings: Settings) -> None:
    settings.LOCAL = False
    assert probe.connect("127.0.0.1", 5432).cause == "not_rds"
    assert probe.name("localhost").cause == "not_rds"


def test_without_authorities_a_password_goes_nowhere(settings: Settings) -> None:
    settings.LOCAL = False
    with pytest.raises(ValueError, match="nobody vouches"):
        probe.sign_in("mysql", "127.0.0.1", 3306, user=USER, password=PASSWORD, database="")


@pytest.mark.parametrize("engine", ["mysql", "postgres"])
def test_a_password_never_follows_a_handshake_that_failed(engine: str, tmp_path: Path) -> None:
    """The server ends the connection after the handshake: the client must have given up for the certificate, not for that."""
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(authority(ec.generate_private_key(ec.SECP256R1()), "Somebody else"))
    with serving(engine) as port:
        tried = probe.sign_in(
            engine, "127.0.0.1", port, user=USER, password=PASSWORD, database="", bundle=str(stranger)
        )
        shown = handshake.look(engine, "127.0.0.1", port, bundle=str(stranger))
    assert "certificate verify failed" in tried.said
    assert shown.distrust
    known = tmp_path / "authority.pem"
    known.write_bytes(authority())
    with serving(engine, address="10.0.0.9") as port:
        assert handshake.look(engine, "127.0.0.1", port, bundle=str(known)).distrust, "that of another server"
    with serving("plain") as port:
        plain = probe.sign_in(
            "mysql", "127.0.0.1", port, user=USER, password=PASSWORD, database="", bundle=str(stranger)
        )
    assert _cause(plain.said) == "tls_failed", "a server without TLS gets none either"


@needs_mariadb
def test_a_real_mariadb_lets_in_whom_it_knows_and_nobody_else(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(authority())
    with mariadb() as port:
        right = probe.sign_in(
            "mariadb", "127.0.0.1", port, user=USER, password=PASSWORD, database="", bundle=str(bundle)
        )
        trusted = handshake.look("mariadb", "127.0.0.1", port, bundle=str(bundle))
        wrong = probe.sign_in("mysql", "127.0.0.1", port, user=USER, password="wrong", database="")
        shown = handshake.look("mariadb", "127.0.0.1", port)
        wide = probe.sign_in(
            "mysql", "127.0.0.1", port, user="利用者", password="ｈｉｍｉｔｓｕ", database=""
        )
        nowhere = probe.sign_in("mariadb", "127.0.0.1", port, user=USER, password=PASSWORD, database="kart")
        other = probe.sign_in("mariadb", "127.0.0.1", port, user=OTHER_USER, password=PASSWORD, database="")
    stopped = probe.connect("127.0.0.1", port)
    assert right.cause == ""
    assert (trusted.distrust, shown.distrust) == ("", None)
    assert shown.issuer.startswith("Amazon RDS")
    assert "1045" in wrong.said
    assert _cause(wrong.said) == _cause(wide.said) == "sign_in_refused"
    assert _cause(nowhere.said) == "no_right_here"
    assert stopped.cause == "refused"
    assert other.cause == "auth_unspoken"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("127.0.0.1", "address_refused"), ("169.254.169.254", "address_refused"), ("::1", "address_refused"),
        ("fe80::1", "address_refused"), ("fd00:ec2::254", "address_refused"), ("::ffff:127.0.0.1", "address_refused"),
        ("240.0.0.1", "address_refused"), ("10.1.2.3", "network_not_named"), ("172.31.0.9", "network_not_named"),
        ("100.64.0.9", "network_not_named"), ("52.192.0.1", ""),
    ],
)  # fmt: skip
def test_a_name_of_rds_leads_to_no_door_inside(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, address: str, code: str
) -> None:
    """Whoever answers for the name decides where it leads: the address is judged, and with it the whole name."""
    settings.LOCAL = False
    leads(monkeypatch, address, "52.192.0.2")
    assert probe.name(NAME).cause == code


def test_a_private_address_is_called_only_in_a_vpc_that_was_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Toban's own network may have the same addresses as that of whoever can say where a name of RDS leads."""
    settings.LOCAL = False
    settings.DATABASE_NETWORKS = read_vpc_networks(["vpc-0abc0abc=10.1.0.0/16", "vpc-0abc0abc=10.4.0.0/16"])
    for address, causes in (
        ("10.1.2.3", ["", "network_not_named", "network_not_named"]),
        ("10.4.2.3", ["", "network_not_named", "network_not_named"]),
        ("10.2.2.3", ["network_not_named"] * 3),
        ("127.0.0.1", ["address_refused"] * 3),
    ):
        leads(monkeypatch, address)
        assert [probe.name(NAME, vpc=vpc).cause for vpc in ("vpc-0abc0abc", "vpc-0def0def", "")] == causes
    for wrong in (
        "10.0.0.0/8",
        "vpc-0abc0abc=52.0.0.0/8",
        "vpc-0abc0abc=0.0.0.0/0",
        "vpc-0abc0abc=",
        "x=10.1.0.0/16",
    ):
        with pytest.raises(ValueError, match=r"."):
            read_vpc_networks([wrong])


def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(probe, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.wait(60) and [])
    tried = probe.name(NAME)
    answers.set()
    assert tried.cause == "name_timed_out"


def leads(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """A name of RDS has these addresses; all others are looked up as ever."""
    found = [
        (socket.AF_INET6 if ":" in one else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 0))
        for one in addresses
    ]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **more: found if host == NAME else real(host, *args, **more),
    )


def test_a_password_is_taken_out_before_what_was_said_is_cut() -> None:
    """The server says the password back just where the text ends."""
    said = "x" * (probe.SAID_MAX - 4) + PASSWORD
    tried = probe._timed(lambda: ("said", said), secret=PASSWORD)
    assert PASSWORD[:3] not in tried.said


@pytest.mark.django_db
def test_a_real_postgresql_says_who_is_turned_away(settings: Settings) -> None:
    at = settings.DATABASES["default"]
    host = at["OPTIONS"].get("host") or at["HOST"] or "127.0.0.1"
    port = int(at["OPTIONS"].get("port") or at["PORT"] or 5432)
    given = {"user": at["USER"], "password": at["PASSWORD"] or "", "database": at["NAME"]}
    assert probe.sign_in("postgres", host, port, **given).cause == ""
    lost = probe.sign_in("postgres", host, port, **{**given, "database": "no_such_database"})
    assert _cause(lost.said) == "no_such_database"


def _cause(said: str) -> str:
    meant = explained(said)
    return meant.cause if meant else said
