"""Where a request came from: behind proxies that are trusted, what they say; from anybody else, nothing."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from accounts.domain.addresses import client_address, read_networks
from config.settings import trusted_proxies
from medical_audit.domain.actor import NO_TENANT
from medical_audit.domain.personal import readable
from medical_audit.queries.people import people_in
from tests.factories import make_person
from tests.medical_audit.support import Database

LOCAL = ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]

#: (trusted networks, who connected, X-Forwarded-For) -> the address that is kept
CASES = [
    ([], "203.0.113.9", "", "203.0.113.9"),
    ([], "203.0.113.9", "198.51.100.1", "203.0.113.9"),
    ([], "127.0.0.1", "198.51.100.1", "127.0.0.1"),
    (LOCAL, "203.0.113.9", "198.51.100.1", "203.0.113.9"),
    (LOCAL, "127.0.0.1", "", "127.0.0.1"),
    (LOCAL, "127.0.0.1", "198.51.100.1", "198.51.100.1"),
    (LOCAL, "127.0.0.1", "198.51.100.1, 10.1.2.3", "198.51.100.1"),
    (LOCAL, "127.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
    (LOCAL, "127.0.0.1", "127.0.0.1, 198.51.100.1", "198.51.100.1"),
    (LOCAL, "127.0.0.1", "10.9.9.9, 10.1.2.3", "10.9.9.9"),
    (LOCAL, "127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
    (LOCAL, "fd00::1", "[2001:db8::5]:4711, 10.1.2.3", "2001:db8::5"),
    (LOCAL, "fd00::1", "2001:DB8:0::5", "2001:db8::5"),
    (LOCAL, "::ffff:10.0.0.7", "198.51.100.1", "198.51.100.1"),
    (LOCAL, "127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
    (LOCAL, "127.0.0.1", "198.51.100.1, unknown", "127.0.0.1"),
    (LOCAL, "127.0.0.1", "198.51.100.1, , 10.1.2.3", "10.1.2.3"),
    (LOCAL, "127.0.0.1", "<script>, 10.1.2.3", "10.1.2.3"),
    (LOCAL, "", "198.51.100.1", ""),
    (LOCAL, "fe80::1%eth0", "198.51.100.1", "fe80::1%eth0"),
]


@pytest.mark.parametrize(("trusted", "peer", "forwarded", "address"), CASES)
def test_the_address_is_the_last_one_that_no_trusted_proxy_vouches_for(
    trusted: list[str], peer: str, forwarded: str, address: str
) -> None:
    assert client_address(peer, forwarded, read_networks(trusted)) == address


def test_a_header_of_any_length_is_read_from_its_end() -> None:
    forwarded = "192.0.2.66, " * 10_000 + "198.51.100.1"
    assert client_address("127.0.0.1", forwarded, read_networks(LOCAL)) == "198.51.100.1"


@pytest.mark.parametrize("bad", ["proxy.example.jp", "10.0.0.1/8", "0.0.0.0/0", "::/0", "10.0.0.0/33"])
def test_a_setting_that_names_no_network_or_everybody_stops_the_start(bad: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="TOBAN_TRUSTED_PROXIES"):
        trusted_proxies(["127.0.0.1", bad])


def _address_of_failed_sign_in(database: Database, **meta: str) -> str:
    person = make_person("behind")
    Client(**meta).post("/sign-in/", {"username": person.username, "password": "wrong"})  # type: ignore[arg-type]
    row = database.execute(
        "SELECT body FROM ledger.event WHERE kind = 'session.failed' AND subject_id = %s", [str(person.id)]
    ).fetchone()
    assert row is not None
    body = json.loads(row[0])
    assert body["address"].startswith("~"), "an address stands in the ledger by reference"
    return str(readable(body, people_in(NO_TENANT, row))["address"])


def test_the_ledger_keeps_the_address_behind_a_trusted_proxy(
    settings: Settings, superuser_connection: Database
) -> None:
    told = {"REMOTE_ADDR": "10.0.0.7", "HTTP_X_FORWARDED_FOR": "192.0.2.66, 198.51.100.1"}
    settings.TRUSTED_PROXIES = trusted_proxies([])
    assert _address_of_failed_sign_in(superuser_connection, **told) == "10.0.0.7"
    settings.TRUSTED_PROXIES = trusted_proxies(["10.0.0.0/8"])
    assert _address_of_failed_sign_in(superuser_connection, **told) == "198.51.100.1"
