"""Webhooks of Redmine 7: they wake Toban and are believed in nothing else."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.domain.permissions import Role
from config.simulator.redmine import SimulatedRedmine
from medical_audit.domain.errors import NotFound, NotPermitted
from medical_audit.sealing import is_current
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import RedmineKey, TicketState
from redmine_sync.operations import waking
from tests.redmine.shop import Shop
from tests.redmine.yard import sign

CLOSED = 5


@pytest.fixture(autouse=True)
def _no_address_is_known(settings: Any) -> None:
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns about a missing folder
    cache.clear()


def made(shop: Shop) -> tuple[uuid.UUID, str]:
    """The address of the shop's server and its secret."""
    server = shop.server()
    secret = waking.exchange_secret(server.id, actor=shop.actor(Role.ADMINISTRATOR), now=shop.clock())
    return server.id, secret


def post(server: uuid.UUID, body: bytes, secret: str) -> int:
    headers = {"X-Redmine-Signature-256": sign(body, secret)}
    return (
        Client()
        .post(f"/redminehook/{server}", body, content_type="application/json", headers=headers)
        .status_code
    )


def said(issue: int, status: int = CLOSED) -> bytes:
    return json.dumps(
        {"type": "issue.updated", "data": {"issue": {"id": issue, "status": {"id": status}}}}
    ).encode()


def test_a_signed_one_makes_the_poller_look_now_and_what_it_says_is_not_believed(
    fake_shop: Shop, fake: SimulatedRedmine
) -> None:
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    issue = fake_shop.ticket().issue or 0
    server, secret = made(fake_shop)
    fake_shop.clock.pass_(seconds=10)
    assert (
        waking.hear(server, said(issue), signature=sign(said(issue), secret), now=fake_shop.clock())
        == fake_shop.tenant_id
    )
    fake_shop.serve()  # ten seconds after the last look
    assert fake_shop.ticket().state == TicketState.OPEN  # Redmine itself says that it is open
    fake.now = datetime.now(UTC) + timedelta(seconds=5)  # nobody acts in the second in which Toban looks
    fake.move(issue, CLOSED)
    fake_shop.clock.pass_(seconds=10)
    waking.hear(server, b"", signature=sign(b"", secret), now=fake_shop.clock())
    fake_shop.serve()
    assert fake_shop.ticket().state == TicketState.SNOOZED


def test_however_many_come_the_poller_looks_every_five_seconds_at_most(
    fake_shop: Shop, fake: SimulatedRedmine
) -> None:
    fake_shop.happens("failed", "web")
    fake_shop.serve()
    server, secret = made(fake_shop)
    asked = len(fake.asked)
    for _ in range(20):
        fake_shop.clock.pass_(seconds=1)
        waking.hear(server, b"x", signature=sign(b"x", secret), now=fake_shop.clock())
        fake_shop.serve()
    assert 3 <= len([one for one in fake.asked[asked:] if one == "GET /issues.json"]) <= 4


def test_nobody_elses_signature_is_heard_and_all_refusals_look_alike(fake_shop: Shop) -> None:
    server, secret = made(fake_shop)
    assert post(server, b"{}", secret) == 202
    assert [
        post(server, b"{}", "wrong"), post(uuid.uuid4(), b"{}", secret), post(server, b"{}", ""),
    ] == [404, 404, 404]  # fmt: skip
    assert waking.hear(server, b"{}", signature="", now=fake_shop.clock()) is None
    newer = waking.exchange_secret(server, actor=fake_shop.actor(Role.ADMINISTRATOR), now=fake_shop.clock())
    assert [post(server, b"{}", one) for one in (secret, newer)] == [404, 202]
    waking.end(server, actor=fake_shop.actor(Role.ADMINISTRATOR), now=fake_shop.clock())
    assert post(server, b"{}", newer) == 404
    assert [event["kind"] for event in fake_shop.events("redmine.hook")] == [
        "redmine.hook_made", "redmine.hook_made", "redmine.hook_ended",
    ]  # fmt: skip


def test_the_secret_is_sealed_and_only_an_administrator_makes_one(fake_shop: Shop) -> None:
    server, secret = made(fake_shop)
    with tenant_scope(fake_shop.tenant_id):
        kept = RedmineKey.objects.get(server=server).hook
    assert secret not in kept
    assert is_current(kept)
    with pytest.raises(NotPermitted):
        waking.exchange_secret(server, actor=fake_shop.actor(Role.OPERATOR), now=fake_shop.clock())
    with pytest.raises(NotFound):
        waking.exchange_secret(server, actor=fake_shop.cast.stranger_actor, now=fake_shop.clock())
    assert Client().get(f"/redminehook/{server}").status_code == 200
