"""Many accounts of an organization in one go: listed by a worker, begun with an ExternalId each, proven and taken in one by one."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from accounts.domain.permissions import Role
from config.simulator.trust import CALLER
from infra.domain import organization
from infra.domain.onboarding import Feature
from infra.models import AccountSetup, AwsAccount
from infra.operations.featuring import enter_features
from infra.operations.organizing import (
    Many,
    ask_listing,
    ask_proofs,
    begin_rollout,
    run_listing,
    switch_on_listing,
    take_in_proven,
)
from infra.operations.setups import begin_setup, give_up, run_proof
from infra.queries.accounts import PROOF_ENDS_WITHIN, PROOF_TRIES_FOR, SeenSetup
from infra.queries.organization import SeenRollout, get_organization, get_rollout, rollout_template
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import AlreadyMoved, NotFound, NotPermitted, Refused
from medical_audit.models import Event
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import MONDAY_0830, Cast, proof
from tests.simulated import TOKYO, Account, ask, customer_client, make_account, new_account_id

NOW = MONDAY_0830
WANTED: dict[str, Any] = {"regions": [TOKYO], "features": ["servers", "volumes"], "managed_only": False}


@pytest.fixture
def admin(cast: Cast) -> Actor:
    return cast.actor(Role.ADMINISTRATOR)


@pytest.fixture
def manager(cast: Cast) -> Account:
    return make_account(cast)


def members(count: int) -> list[dict[str, str]]:
    return [{"id": new_account_id(), "name": f"部門{number:02d}"} for number in range(count)]


def listed(manager: Account, admin: Actor, as_role: AsRole, *given: dict[str, str]) -> AccountSetup:
    ask("organization", {"management": manager.number, "name": "本部", "members": list(given)})
    switch_on_listing(manager.row.id, actor=admin, now=NOW)
    return look(manager, admin, as_role)


def look(manager: Account, admin: Actor, as_role: AsRole) -> AccountSetup:
    row = ask_listing(manager.row.id, actor=admin, now=NOW)
    with as_role("worker"):
        found = run_listing(admin.tenant_id, row.id, worker="test", clock=lambda: NOW)
        assert run_listing(admin.tenant_id, row.id, worker="other", clock=lambda: NOW) is None, "once"
    assert found is not None
    return found


def begin(manager: Account, admin: Actor, chosen: list[str], **changed: Any) -> Many:
    return begin_rollout(manager.row.id, chosen, actor=admin, now=NOW, **(WANTED | changed))


def standings(manager: Account, admin: Actor) -> dict[str, str]:
    with tenant_scope(admin.tenant_id):
        return {
            one.member.name: one.standing
            for one in get_organization(manager.row.id, actor=admin, now=NOW).lines
        }


def test_the_list_says_what_is_in_what_is_coming_and_what_is_suspended(
    manager: Account, admin: Actor, as_role: AsRole
) -> None:
    free, coming, *many = members(45)
    suspended = {"id": new_account_id(), "name": "旧", "state": "SUSPENDED"}
    row = listed(manager, admin, as_role, free, coming, suspended, *many)
    assert (len(row.listing["members"]), row.listing["more"]) == (47, False), "page by page"
    begin_setup(coming["id"], "x", actor=admin, now=NOW, **WANTED)
    found = standings(manager, admin)
    assert [found[name] for name in ("本部", free["name"], coming["name"], "旧")] == [
        "in",
        "free",
        "coming",
        "closed",
    ]


def test_from_the_list_to_accounts_that_observe_and_one_that_is_wrong_keeps_none_back(
    manager: Account, admin: Actor, as_role: AsRole
) -> None:
    first, second, third = members(3)
    listed(manager, admin, as_role, first, second, third)
    begun = begin(manager, admin, [first["id"], second["id"], third["id"], "000000000001"])
    assert begun.refused == {"000000000001": "not_in_organization"}
    assert len({row.external_id for row in begun.done}) == 3
    with tenant_scope(admin.tenant_id):
        made = organization.template(
            CALLER, {row.account_id: row.external_id for row in begun.done}, [Feature.SERVERS, Feature.VOLUMES],
            managed_only=False,
        )  # fmt: skip
    for row in begun.done[:2]:
        stacks = customer_client(row.account_id, "cloudformation")
        stacks.create_stack(StackName="toban", TemplateBody=json.dumps(made))
    asked = ask_proofs(begun.rollout, actor=admin, now=NOW)
    with as_role("worker"):
        for row in asked.done:
            run_proof(admin.tenant_id, row.id, worker="test", clock=lambda: NOW)
    taken = take_in_proven(begun.rollout, actor=admin, now=NOW)
    assert sorted(row.account_id for row in taken.done) == sorted([first["id"], second["id"]])
    assert taken.refused == {third["id"]: "not_proven"}
    with tenant_scope(admin.tenant_id):
        assert set(AwsAccount.objects.exclude(id=manager.row.id).values_list("account_id", "automation")) == {
            (first["id"], "observe"),
            (second["id"], "observe"),
        }
        seen = get_rollout(begun.rollout, actor=admin, now=NOW)
        assert [one.standing for one in seen.setups] == ["in", "in", "failed"]
        kept = rollout_template(seen)["Mappings"]["ExternalIds"]  # type: ignore[index]
        assert set(kept) == {first["id"], second["id"], third["id"]}, "those that came in keep their place"
    give_up(begun.done[2].id, actor=admin, now=NOW)
    with tenant_scope(admin.tenant_id):
        assert len(get_rollout(begun.rollout, actor=admin, now=NOW).setups) == 2


def test_only_when_it_is_switched_on_may_the_list_be_asked_for(
    manager: Account, admin: Actor, as_role: AsRole
) -> None:
    with pytest.raises(Refused) as refused:
        ask_listing(manager.row.id, actor=admin, now=NOW)
    assert refused.value.code == "listing_off"
    row = switch_on_listing(manager.row.id, actor=admin, now=NOW)
    assert (Feature.ORGANIZATION in row.features, row.proof_ended_at) == (True, None)
    with pytest.raises(AlreadyMoved):
        switch_on_listing(manager.row.id, actor=admin, now=NOW)
    ask_listing(manager.row.id, actor=admin, now=NOW)
    with pytest.raises(AlreadyMoved):
        ask_listing(manager.row.id, actor=admin, now=NOW)
    with tenant_scope(admin.tenant_id):
        kinds = Event.objects.filter(subject_id=str(row.id)).order_by("ord").values_list("kind", flat=True)
        assert list(kinds) == ["account.listing_switched_on", "account.listing_asked"]


def test_a_list_that_a_worker_has_begun_is_no_lost_one_before_the_longest_that_it_may_take(
    manager: Account, admin: Actor
) -> None:
    switch_on_listing(manager.row.id, actor=admin, now=NOW)
    row = ask_listing(manager.row.id, actor=admin, now=NOW)
    with tenant_scope(admin.tenant_id):
        AccountSetup.objects.filter(id=row.id).update(listing_began_at=NOW)
    later = NOW + timedelta(minutes=6)
    with tenant_scope(admin.tenant_id):
        found = get_organization(manager.row.id, actor=admin, now=later)
    assert (found.under_way, found.lost) == (True, False)
    with pytest.raises(AlreadyMoved):
        ask_listing(manager.row.id, actor=admin, now=later)
    gone = NOW + PROOF_ENDS_WITHIN
    assert ask_listing(manager.row.id, actor=admin, now=gone).listing_asked_at == gone


def test_a_list_that_takes_too_long_ends_and_leaves_the_last_good_one(
    manager: Account, admin: Actor, as_role: AsRole
) -> None:
    good = listed(manager, admin, as_role, *members(25)).listing["members"]
    row = ask_listing(manager.row.id, actor=admin, now=NOW)
    times = itertools.chain([NOW], itertools.repeat(NOW + PROOF_TRIES_FOR))
    with as_role("worker"):
        found = run_listing(admin.tenant_id, row.id, worker="test", clock=lambda: next(times))
    assert found is not None
    assert (found.listing["problem"], found.listing["members"]) == ("no_answer", good)


def test_what_one_account_of_a_rollout_may_list_stands_in_no_others_template(settings: Settings) -> None:
    settings.AWS_PRINCIPAL_ARN = CALLER
    rows = [
        AccountSetup(account_id=new_account_id(), external_id="x" * 32, features=features)
        for features in (["servers", "organization"], ["servers"])
    ]
    seen = SeenRollout(uuid4(), [SeenSetup(row, (), NOW) for row in rows])
    assert "organizations:" not in json.dumps(rollout_template(seen))


def test_a_list_that_fails_names_the_cure_and_leaves_the_last_good_one(
    manager: Account, admin: Actor, as_role: AsRole
) -> None:
    switch_on_listing(manager.row.id, actor=admin, now=NOW)
    assert look(manager, admin, as_role).listing["problem"] == "no_organization"
    ask("organization", {"management": manager.number, "name": "本部", "members": members(2)})
    assert len(look(manager, admin, as_role).listing["members"]) == 3
    rule = {"match": {"account": manager.number, "action": "ListAccounts"}, "code": "AccessDeniedException"}
    ask("faults", rule)
    failed = look(manager, admin, as_role).listing
    assert (failed["problem"], len(failed["members"])) == ("may_not_list", 3)


@pytest.mark.parametrize(
    ("count", "changed", "code"),
    [
        (0, {}, "nothing_chosen"),
        (organization.AT_ONCE + 1, {}, "too_many_accounts"),
        (1, {"features": ["organization"]}, "bad_parameter"),
        (1, {"regions": ["tokyo"]}, "bad_parameter"),
    ],
)
def test_what_cannot_begin_at_all_begins_nothing(
    manager: Account, admin: Actor, as_role: AsRole, count: int, changed: dict[str, Any], code: str
) -> None:
    (one,) = members(1)
    listed(manager, admin, as_role, one)
    chosen = [one["id"], *(f"{number:012d}" for number in range(1, count))][:count]
    with pytest.raises(Refused) as refused:
        begin(manager, admin, chosen, **changed)
    assert refused.value.code == code
    with tenant_scope(admin.tenant_id):
        assert not AccountSetup.objects.filter(account_id=one["id"]).exists()


def test_only_an_administrator_and_only_of_this_tenant(
    cast: Cast, manager: Account, admin: Actor, as_role: AsRole
) -> None:
    (one,) = members(1)
    listed(manager, admin, as_role, one)
    begun = begin(manager, admin, [one["id"]])
    for actor, refusal in ((cast.actor(Role.APPROVER), NotPermitted), (cast.stranger_actor, NotFound)):
        for step in (
            lambda who=actor: switch_on_listing(manager.row.id, actor=who, now=NOW),
            lambda who=actor: ask_listing(manager.row.id, actor=who, now=NOW),
            lambda who=actor: begin(manager, who, [one["id"]]),
            lambda who=actor: ask_proofs(begun.rollout, actor=who, now=NOW),
            lambda who=actor: take_in_proven(begun.rollout, actor=who, now=NOW),
        ):
            with pytest.raises(refusal):
                step()


def test_what_begins_is_of_the_newest_list_and_of_none_once_listing_is_off(
    cast: Cast, manager: Account, admin: Actor, as_role: AsRole
) -> None:
    def decide(*features: str) -> None:
        by = cast.actor(Role.APPROVER)
        entered = enter_features(
            manager.row.id, features, managed_only=False, actor=admin, now=NOW, reason="範囲を変えるため"
        )
        entry.confirm(
            entered.id, actor=by, now=NOW, seen_digest=entered.digest, proof=proof(by, NOW)
        )  # fmt: skip

    old, new = members(2)
    listed(manager, admin, as_role, old)
    for features in (["servers", "volumes", "organization"], ["servers", "organization"]):
        decide(*features)
    ask("organization", {"management": manager.number, "name": "本部", "members": [new]})
    look(manager, admin, as_role)
    begun = begin(manager, admin, [old["id"], new["id"]])
    assert ([row.account_id for row in begun.done], begun.refused) == (
        [new["id"]],
        {old["id"]: "not_in_organization"},
    )
    decide("servers")
    with pytest.raises(Refused) as refused:
        begin(manager, admin, [new["id"]])
    assert refused.value.code == "listing_off"
