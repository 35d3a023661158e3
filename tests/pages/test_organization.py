"""The pages, and the API, of many accounts at once: the list, the ticks, one template, and what is left."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client

from accounts.domain.permissions import Role
from infra.models import AccountSetup
from infra.operations.organizing import run_listing
from infra.operations.setups import begin_setup, run_proof
from medical_audit import clock
from medical_audit.tenancy import tenant_scope
from tests.api.test_v1 import send
from tests.conftest import AsRole
from tests.factories import Cast
from tests.simulated import TOKYO, ask, new_account_id
from tests.stage import Stage, make_stage

ROLES = {"region": [TOKYO], "feature": ["servers"]}


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return make_stage(cast, automation=False)


@pytest.fixture
def admin(stage: Stage) -> Client:
    return stage.client(Role.ADMINISTRATOR)


def found(stage: Stage, names: list[str]) -> dict[str, str]:
    """An organization with these members; gives their numbers by name."""
    members = [{"id": new_account_id(), "name": name} for name in names]
    ask("organization", {"management": stage.account.account_id, "name": "本部", "members": members})
    return {one["name"]: one["id"] for one in members}


def work(stage: Stage, as_role: AsRole) -> None:
    """What the worker does with what was asked for."""
    with tenant_scope(stage.cast.tenant.id):
        rows = list(AccountSetup.objects.all())
    with as_role("worker"):
        for row in rows:
            run_listing(row.tenant_id, row.id, worker="test", clock=clock.now)
            run_proof(row.tenant_id, row.id, worker="test", clock=clock.now)


def test_from_the_switch_to_accounts_that_are_in(stage: Stage, admin: Client, as_role: AsRole) -> None:
    numbers = found(stage, ["医事", "薬剤", "閉院"])
    here = stage.url(f"accounts/{stage.account.id}/organization/")
    page = admin.get(here).content.decode()
    assert ("organizations:ListAccounts" in page, 'name="ids"' in page) == (True, False)
    admin.post(here, {"then": "switch-on"})
    admin.post(here, {"then": "list"})
    assert 'hx-trigger="every 2s"' in admin.get(here).content.decode()
    work(stage, as_role)
    assert admin.get(here).content.decode().count('name="ids"') == 3
    assert admin.post(here, {"then": "begin"} | ROLES).status_code == 422
    begin_setup(
        numbers["閉院"], "x", regions=[TOKYO], features=["servers"], managed_only=False,
        actor=stage.cast.actor(Role.ADMINISTRATOR), now=clock.now(),
    )  # fmt: skip
    ticked = {"then": "begin", "ids": list(numbers.values())} | ROLES
    partly = admin.post(here, ticked)
    assert partly.status_code == 422
    assert numbers["閉院"] in partly.content.decode(), "somebody was quicker with this one; the others began"
    with tenant_scope(stage.cast.tenant.id):
        rollout = AccountSetup.objects.get(account_id=numbers["医事"]).rollout
    assert str(rollout) in admin.get(stage.url("accounts/")).content.decode()
    there = stage.url(f"accounts/rollouts/{rollout}/")
    file = admin.get(f"{there}template/")
    assert set(json.loads(file.content)["Mappings"]["ExternalIds"]) == {numbers["医事"], numbers["薬剤"]}
    ask("stack", {"accounts": [numbers["医事"]], "template": json.loads(file.content)})
    admin.post(there, {"then": "prove"})
    assert 'hx-trigger="every 2s"' in admin.get(there).content.decode()
    work(stage, as_role)
    proven = admin.get(there)
    assert [one.standing for one in proven.context["seen"].setups] == ["proven", "failed"]
    assert "sts:ExternalId" in proven.content.decode(), "what is wrong with the other stands beside it"
    assert admin.post(there, {"then": "take-in"}).status_code == 302
    assert [one.standing for one in admin.get(there).context["seen"].setups] == ["in", "failed"]


def test_over_the_api(stage: Stage, admin: Client, as_role: AsRole) -> None:
    numbers = found(stage, ["医事"])
    url = stage.api(f"accounts/{stage.account.id}/organization/")
    assert admin.get(url).json()["on"] is False
    assert send(admin, f"{url}list/", {}).status_code == 422
    assert send(admin, f"{url}switch-on/", {}).json()["on"] is True
    assert send(admin, f"{url}list/", {}).status_code == 202
    work(stage, as_role)
    assert [one["standing"] for one in admin.get(url).json()["members"]] == ["free", "in"]
    body = {
        "account_ids": [numbers["医事"], "000000000001"], "regions": [TOKYO], "features": ["servers"],
    }  # fmt: skip
    begun = send(admin, f"{url}begin/", body).json()
    assert (begun["done"], begun["refused"]) == (
        [numbers["医事"]],
        {"000000000001": "not_in_organization"},
    )
    there = stage.api(f"account-rollouts/{begun['rollout']}/")
    template = admin.get(f"{there}template/").json()["template"]
    ask("stack", {"accounts": [numbers["医事"]], "template": template})
    assert send(admin, f"{there}prove/", {}).status_code == 202
    work(stage, as_role)
    assert send(admin, f"{there}take-in/", {}).json()["done"] == [numbers["医事"]]
    assert admin.get(there).json()["left"] == 0


def test_a_list_that_was_lost_can_be_asked_for_again(stage: Stage, admin: Client) -> None:
    here = stage.url(f"accounts/{stage.account.id}/organization/")
    admin.post(here, {"then": "switch-on"})
    admin.post(here, {"then": "list"})
    with tenant_scope(stage.cast.tenant.id):
        AccountSetup.objects.update(listing_asked_at=clock.now() - timedelta(minutes=6))
    lost = admin.get(here).content.decode()
    assert ("every 2s" in lost, 'value="list"' in lost) == (False, True)
    assert "途絶えました" in lost
    assert admin.get(stage.api(f"accounts/{stage.account.id}/organization/")).json()["under_way"] is False
    assert admin.post(here, {"then": "list"}).status_code == 302
