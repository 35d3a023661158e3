"""Taking an account in: an ExternalId nobody chooses, roles proven by a worker, and nothing changed before two people say so."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from accounts.domain.permissions import Role
from config.simulator.trust import CALLER
from infra.domain import onboarding
from infra.domain.onboarding import AccountRole, Feature
from infra.models import AccountSetup, AccountTrust, AwsAccount, Region
from infra.operations.automation import enter_automation
from infra.operations.inventory import take_inventory
from infra.operations.setups import ask_proof, begin_again, begin_setup, give_up, run_proof, take_in
from infra.queries.accounts import PROOF_ENDS_WITHIN, PROOF_TRIES_FOR, get_setup
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import AlreadyMoved, NotFound, NotPermitted, Refused
from medical_audit.models import Event
from medical_audit.tenancy import tenant_scope
from tests.catalogue import Database
from tests.conftest import AsRole
from tests.factories import MONDAY_0830, Cast
from tests.simulated import TOKYO, ask, customer_client, new_account_id

NOW = MONDAY_0830
EVERY = [str(one) for one in Feature]


@pytest.fixture
def admin(cast: Cast) -> Actor:
    return cast.actor(Role.ADMINISTRATOR)


def begin(actor: Actor, number: str = "", **changed: object) -> AccountSetup:
    values: dict[str, object] = {"regions": [TOKYO], "features": EVERY, "managed_only": False} | changed
    return begin_setup(number or new_account_id(), "本番", actor=actor, now=NOW, **values)  # type: ignore[arg-type]


def create_stack(
    row: AccountSetup, features: Sequence[Feature] = tuple(Feature), external_id: str = ""
) -> None:
    """What the customer does: upload the template to CloudFormation (moto knows no Rules)."""
    template = onboarding.template(
        CALLER, external_id or row.external_id, row.account_id, features, managed_only=False
    )
    template.pop("Rules")
    cloudformation = customer_client(row.account_id, "cloudformation")
    cloudformation.create_stack(StackName="toban", TemplateBody=json.dumps(template))


def prove(as_role: AsRole, actor: Actor, row: AccountSetup) -> AccountSetup:
    ask_proof(row.id, actor=actor, now=NOW)
    with as_role("worker"):
        proven = run_proof(actor.tenant_id, row.id, worker="test", clock=lambda: NOW)
    assert proven is not None
    return proven


def kinds_about(actor: Actor, row: AccountSetup) -> list[str]:
    with tenant_scope(actor.tenant_id):
        return list(
            Event.objects.filter(subject_id=str(row.id)).order_by("ord").values_list("kind", flat=True)
        )


def test_from_the_first_step_to_an_account_that_observes(admin: Actor, as_role: AsRole) -> None:
    row = begin(admin)
    create_stack(row)
    assert prove(as_role, admin, row).proof_ended_at == NOW
    account = take_in(row.id, actor=admin, now=NOW)
    with tenant_scope(admin.tenant_id):
        assert account.automation == "observe"
        trust = AccountTrust.objects.get(account=account)
        assert (trust.role_arn, trust.read_role_arn) == (
            f"arn:aws:iam::{row.account_id}:role/TobanOperate",
            f"arn:aws:iam::{row.account_id}:role/TobanRead",
        )
        region = Region.objects.get(account=account)
    with as_role("worker"):
        taken = take_inventory(admin.tenant_id, region.id, worker="test", clock=lambda: NOW, force=True)
    assert taken is not None
    assert taken.problem == ""


def test_whatever_was_chosen_the_account_is_seen_whole(admin: Actor, as_role: AsRole) -> None:
    """An inventory looks at servers, databases and volumes wherever it looks; what nobody chose is nothing that is missing."""
    for feature in Feature:
        row = begin(admin, features=[str(feature)])
        create_stack(row, [feature])
        here = {"account_id": row.account_id, "region": TOKYO}
        ask(
            "seed",
            {
                "seed": row.account_id,
                "instances": [here],
                "volumes": [here],
                "databases": [here | {"id": "karte"}],
            },
        )
        prove(as_role, admin, row)
        account = take_in(row.id, actor=admin, now=NOW)
        with tenant_scope(admin.tenant_id):
            region = Region.objects.get(account=account)
        with as_role("worker"):
            taken = take_inventory(admin.tenant_id, region.id, worker="test", clock=lambda: NOW, force=True)
        assert taken is not None
        with tenant_scope(admin.tenant_id):
            region.refresh_from_db()
        assert (taken.problem, region.inventory_problem, region.inventory_problem_detail) == ("", "", ""), (
            feature
        )
        assert (taken.resources, taken.volumes) == (2, 1), feature


def test_the_external_id_is_made_by_toban_and_never_twice_the_same(admin: Actor) -> None:
    ids = {begin(admin).external_id for _ in range(5)}
    assert len(ids) == 5
    assert {len(bytes.fromhex(one)) for one in ids} == {16}


def test_without_a_proof_nothing_comes_in(admin: Actor, as_role: AsRole) -> None:
    row = begin(admin)
    with pytest.raises(Refused) as refused:
        take_in(row.id, actor=admin, now=NOW)
    assert refused.value.code == "not_proven"
    prove(as_role, admin, row)  # nobody made the roles: the account lets everybody in, which proves nothing
    with pytest.raises(Refused) as refused:
        take_in(row.id, actor=admin, now=NOW)
    assert refused.value.code == "not_proven"
    with tenant_scope(admin.tenant_id):
        assert not AwsAccount.objects.filter(account_id=row.account_id).exists()


def test_a_role_that_lacks_an_action_is_told_which_and_what_to_add(admin: Actor, as_role: AsRole) -> None:
    row = begin(admin, features=["servers", "tags"])
    create_stack(row, [Feature.SERVERS])
    failed = {one["missing"] for one in prove(as_role, admin, row).proof if one["status"] == "failed"}
    assert failed == {"ec2:DescribeSnapshots"}
    statement = onboarding.missing_statements(
        "ec2:DescribeSnapshots", AccountRole.READ, row.account_id, [Feature.TAGS], managed_only=False
    )[0]
    assert (statement["Action"], statement["Resource"]) == (["ec2:DescribeSnapshots"], "*")
    create_again = customer_client(row.account_id, "iam")
    create_again.put_role_policy(
        RoleName="TobanRead", PolicyName="more", PolicyDocument=json.dumps(onboarding.read_policy([Feature.TAGS]))
    )  # fmt: skip
    assert all(one["status"] != "failed" for one in prove(as_role, admin, row).proof)


def test_roles_with_another_external_id_let_nobody_in(admin: Actor, as_role: AsRole) -> None:
    row = begin(admin)
    create_stack(row, external_id="0" * 32)
    checks = {(one["code"], one["role"]): one["status"] for one in prove(as_role, admin, row).proof}
    assert {checks["right_id", role] for role in ("read", "operate")} == {"failed"}
    assert {checks[code, "read"] for code in ("no_id", "wrong_id")} == {"passed"}


def test_an_old_proof_has_to_be_made_again(admin: Actor, as_role: AsRole) -> None:
    row = begin(admin)
    create_stack(row)
    prove(as_role, admin, row)
    with pytest.raises(Refused) as refused:
        take_in(row.id, actor=admin, now=NOW + timedelta(hours=1, seconds=1))
    assert refused.value.code == "proof_too_old"


def test_a_proof_is_made_once_for_each_time_it_was_asked_for(admin: Actor, as_role: AsRole) -> None:
    row = begin(admin)
    with as_role("worker"):
        assert run_proof(admin.tenant_id, row.id, worker="w", clock=lambda: NOW) is None, "nobody asked"
    prove(as_role, admin, row)
    with as_role("worker"):
        assert run_proof(admin.tenant_id, row.id, worker="w", clock=lambda: NOW) is None, "it was made"


def test_a_proof_under_way_is_not_asked_for_twice_but_a_lost_one_is(admin: Actor) -> None:
    row = begin(admin)
    ask_proof(row.id, actor=admin, now=NOW)
    with pytest.raises(AlreadyMoved):
        ask_proof(row.id, actor=admin, now=NOW + timedelta(minutes=4))
    assert ask_proof(row.id, actor=admin, now=NOW + timedelta(minutes=5)).proof_asked_at == NOW + timedelta(
        minutes=5
    )


def test_a_proof_that_a_worker_has_begun_is_no_lost_one_before_the_longest_that_it_may_take(
    admin: Actor,
) -> None:
    """It waited for its worker, or a region is slow: asked anew, what it finds would be thrown away and two would run side by side."""
    row = begin(admin)
    ask_proof(row.id, actor=admin, now=NOW)
    began = NOW + timedelta(minutes=4, seconds=59)
    with tenant_scope(admin.tenant_id):
        AccountSetup.objects.filter(id=row.id).update(proof_began_at=began)

    def seen(now: datetime) -> tuple[bool, bool]:
        with tenant_scope(admin.tenant_id):
            found = get_setup(row.id, actor=admin, now=now)
            return found.under_way, found.lost

    for now in (NOW + timedelta(minutes=6), began + PROOF_ENDS_WITHIN - timedelta(seconds=1)):
        assert seen(now) == (True, False)
        with pytest.raises(AlreadyMoved):
            ask_proof(row.id, actor=admin, now=now)
    gone = began + PROOF_ENDS_WITHIN
    assert seen(gone) == (False, True)
    assert ask_proof(row.id, actor=admin, now=gone).proof_asked_at == gone


def test_a_proof_goes_on_no_longer_than_it_may_and_then_says_so(admin: Actor, as_role: AsRole) -> None:
    """AWS answers, and slowly: what was not tried by then is no proof."""
    row = begin(admin)
    create_stack(row)
    ask_proof(row.id, actor=admin, now=NOW)
    times = itertools.chain([NOW], itertools.repeat(NOW + PROOF_TRIES_FOR))
    with as_role("worker"):
        ended = run_proof(admin.tenant_id, row.id, worker="w", clock=lambda: next(times))
    assert ended is not None
    assert ended.proof_ended_at == NOW + PROOF_TRIES_FOR
    assert {one["code"] for one in ended.proof if one["status"] == "failed"} == {"out_of_time"}
    assert ended.in_force == []
    with pytest.raises(Refused, match="not_proven"):
        take_in(row.id, actor=admin, now=NOW)


def test_what_a_slow_worker_brings_after_a_new_question_is_dropped(
    admin: Actor, as_role: AsRole, superuser_connection: Database
) -> None:
    row = begin(admin)
    create_stack(row)
    ask_proof(row.id, actor=admin, now=NOW)
    later = NOW + timedelta(minutes=6)
    times = itertools.chain([NOW], itertools.repeat(later))

    def clock() -> datetime:
        """Between the worker's claim and its answer the question is asked anew."""
        at = next(times)
        if at == later:
            superuser_connection.execute(
                "UPDATE infra_accountsetup SET proof_asked_at = %s, proof_began_at = NULL WHERE id = %s",
                [later, row.id],
            )
        return at

    with as_role("worker"):
        assert run_proof(admin.tenant_id, row.id, worker="w", clock=clock) is None
    with tenant_scope(admin.tenant_id):
        kept = AccountSetup.objects.get(id=row.id)
    assert (kept.proof, kept.proof_ended_at) == ([], None)
    with as_role("worker"):
        assert run_proof(admin.tenant_id, row.id, worker="w", clock=lambda: later) is not None


def test_an_account_is_taken_in_once(admin: Actor, as_role: AsRole) -> None:
    row = begin(admin)
    with pytest.raises(Refused) as refused:
        begin(admin, row.account_id)
    assert refused.value.code == "setup_open"
    create_stack(row)
    prove(as_role, admin, row)
    take_in(row.id, actor=admin, now=NOW)
    with pytest.raises(AlreadyMoved):
        take_in(row.id, actor=admin, now=NOW)
    with pytest.raises(Refused) as refused:
        begin(admin, row.account_id)
    assert refused.value.code == "account_taken"


def test_what_is_given_up_is_closed_and_can_begin_anew(admin: Actor) -> None:
    row = begin(admin)
    give_up(row.id, actor=admin, now=NOW)
    with pytest.raises(AlreadyMoved):
        give_up(row.id, actor=admin, now=NOW)
    with pytest.raises(AlreadyMoved):
        ask_proof(row.id, actor=admin, now=NOW)
    assert begin(admin, row.account_id).external_id != row.external_id


def test_every_step_stands_in_the_ledger_without_the_external_id(admin: Actor, as_role: AsRole) -> None:
    row = begin(admin)
    prove(as_role, admin, row)
    give_up(row.id, actor=admin, now=NOW)
    assert kinds_about(admin, row) == [
        "account.setup_begun",
        "account.proof_asked",
        "account.proof_ended",
        "account.setup_given_up",
    ]
    with tenant_scope(admin.tenant_id):
        assert not Event.objects.filter(body__contains=row.external_id).exists()


def test_an_account_that_is_in_is_proven_again_with_its_own_roles(admin: Actor, as_role: AsRole) -> None:
    row = begin(admin)
    create_stack(row)
    prove(as_role, admin, row)
    account = take_in(row.id, actor=admin, now=NOW)
    again = begin_again(account.id, actor=admin, now=NOW)
    assert again.id == row.id
    assert prove(as_role, admin, again).proof_ended_at == NOW


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("regions", [], "regions"),
        ("regions", ["tokyo"], "regions"),
        ("features", [], "features"),
        ("features", ["servers", "everything"], "features"),
    ],
)
def test_bad_input_is_named(admin: Actor, field: str, value: list[str], named: str) -> None:
    with pytest.raises(Refused) as refused:
        begin(admin, "", **{field: value})
    assert (refused.value.code, refused.value.params["name"]) == ("bad_parameter", named)


def test_only_an_administrator_takes_accounts_in(cast: Cast, admin: Actor) -> None:
    row = begin(admin)
    for role in set(Role) - {Role.ADMINISTRATOR}:
        actor = cast.actor(role)
        for refused in (
            lambda actor=actor: begin(actor),
            lambda actor=actor: ask_proof(row.id, actor=actor, now=NOW),
            lambda actor=actor: take_in(row.id, actor=actor, now=NOW),
            lambda actor=actor: give_up(row.id, actor=actor, now=NOW),
            lambda actor=actor: begin_again(row.id, actor=actor, now=NOW),
        ):
            with pytest.raises(NotPermitted):
                refused()


def test_another_tenants_setup_is_no_setup(cast: Cast, admin: Actor) -> None:
    row = begin(admin)
    stranger = cast.stranger_actor
    for refused in (ask_proof, take_in, give_up):
        with pytest.raises(NotFound):
            refused(row.id, actor=stranger, now=NOW)


def test_automation_is_entered_for_a_known_account_and_a_real_change(cast: Cast, admin: Actor) -> None:
    with pytest.raises(NotFound):
        enter_automation(UUID(int=1), "on", actor=admin, now=NOW, reason="x")
    with pytest.raises(NotPermitted):
        enter_automation(UUID(int=1), "on", actor=cast.actor(Role.OPERATOR), now=NOW, reason="x")
