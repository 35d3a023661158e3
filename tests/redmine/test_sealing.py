"""Secrets at rest: bound to tenant and field, readable with the right key only, exchangeable."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from config.settings import secrets_keys
from medical_audit import clock
from medical_audit.domain.actor import system_actor
from medical_audit.domain.errors import Refused
from medical_audit.sealing import Unsealable, is_current, seal, unseal
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import RedmineKey, RedmineServer, ServerState
from redmine_sync.operations.resealing import reseal
from redmine_sync.queries.servers import gateway_of
from tests.conftest import AsRole
from tests.factories import Cast, make_cast
from tests.medical_audit.support import plant
from tests.redmine.shop import Place, Shop

TENANT, OTHER = uuid.uuid4(), uuid.uuid4()
OLD, NEW = {"k1": b"1" * 32}, {"k2": b"2" * 32}


def test_a_sealed_secret_opens_for_its_tenant_and_field_alone() -> None:
    sealed = seal("secret", tenant_id=TENANT, field="a")
    assert "secret" not in sealed
    assert sealed != seal("secret", tenant_id=TENANT, field="a")
    assert unseal(sealed, tenant_id=TENANT, field="a") == "secret"
    for tenant, field in ((OTHER, "a"), (TENANT, "b")):
        with pytest.raises(Unsealable):
            unseal(sealed, tenant_id=tenant, field=field)


def test_a_changed_text_opens_nowhere() -> None:
    sealed = seal("secret", tenant_id=TENANT, field="a")
    head, _, text = sealed.rpartition(":")
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    for broken in (
        f"{head}:{base64.b64encode(raw).decode()}",
        f"{head}:",
        f"{head}:!",
        "",
        "v2" + sealed[2:],
    ):
        with pytest.raises(Unsealable):
            unseal(broken, tenant_id=TENANT, field="a")


def test_a_new_key_seals_while_the_old_one_still_opens(settings: Any) -> None:
    settings.SECRETS_KEYS = OLD
    sealed = seal("secret", tenant_id=TENANT, field="a")
    settings.SECRETS_KEYS = NEW | OLD
    assert unseal(sealed, tenant_id=TENANT, field="a") == "secret"
    assert not is_current(sealed)
    assert is_current(seal("secret", tenant_id=TENANT, field="a"))
    settings.SECRETS_KEYS = NEW
    with pytest.raises(Unsealable, match="k1"):
        unseal(sealed, tenant_id=TENANT, field="a")


def test_without_a_key_nothing_is_sealed(settings: Any) -> None:
    settings.SECRETS_KEYS = {}
    with pytest.raises(Refused, match="no_seal_key"):
        seal("secret", tenant_id=TENANT, field="a")


@pytest.mark.parametrize(
    "texts", [["k1"], ["k1:short"], [":AAAA"], [f"k1:{base64.b64encode(b'1' * 32).decode()}"] * 2]
)
def test_what_is_no_key_stops_the_start(texts: list[str]) -> None:
    with pytest.raises(ImproperlyConfigured, match="TOBAN_SECRETS_KEYS"):
        secrets_keys(texts)


def test_resealing_moves_every_key_to_the_new_one(open_shop: Shop, settings: Any, as_role: AsRole) -> None:
    settings.SECRETS_KEYS = NEW | settings.SECRETS_KEYS
    with as_role("worker"):
        assert reseal(actor=system_actor(open_shop.tenant_id, "reseal"), now=clock.now()) == 1
        settings.SECRETS_KEYS = NEW
        with tenant_scope(open_shop.tenant_id):
            assert is_current(RedmineKey.objects.get().sealed)
            assert gateway_of(open_shop.server()).me().login
    assert [one["subject"]["id"] for one in open_shop.events("redmine.resealed")] == [
        str(open_shop.server().id)
    ]


def test_a_tenant_with_a_spoiled_secret_is_named_and_keeps_no_other_from_being_sealed_anew(
    open_shop: Shop, place: Place, settings: Any, as_role: AsRole
) -> None:
    before = settings.SECRETS_KEYS
    settings.SECRETS_KEYS = {"lost": b"3" * 32}
    spoiled = Shop(make_cast(), place)
    spoiled.connect()
    settings.SECRETS_KEYS = NEW | before
    with as_role("worker"):
        with pytest.raises(CommandError, match=rf"{spoiled.tenant_id}: .*'lost'.* TOBAN_SECRETS_KEYS"):
            call_command("reseal")
        with tenant_scope(open_shop.tenant_id):
            assert is_current(RedmineKey.objects.get().sealed)


def test_a_server_whose_key_is_gone_says_so_and_a_new_connection_at_its_address_mends_it(
    cast: Cast, place: Place
) -> None:
    shop = Shop(cast, place)
    plant(
        RedmineServer(
            tenant_id=shop.tenant_id, url=place.url, state=ServerState.ACTIVE, drafted_by_name="管理",
            drafted_at=shop.clock(),
        )
    )  # fmt: skip
    shop.happens("failed", "web")
    assert shop.serve().sent == 0
    assert shop.server().problem == "key_unsealable"
    shop.connect()
    shop.rule()
    shop.happens("failed", "db")
    assert shop.serve(minutes=30).sent == 1
    assert shop.server().problem == ""
