"""A left-over volume is deleted once its snapshot is complete, never before, by two people, and once however often it is tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from accounts.domain.permissions import Role
from infra.domain import onboarding
from infra.domain.onboarding import AccountRole, Feature
from infra.domain.proofs import Check, Status
from infra.models import AccountSetup
from infra.operations import deleting
from infra.operations.featuring import enter_features
from infra.operations.regions import enter_regions
from infra.operations.setups import ask_proof, begin_again
from infra.queries.features import keys_doubt
from infra.queries.volumes import VolumeDetail, volume_detail
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.domain.kinds import OperationTarget, Round, get_kind
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.infra.operations.duty import Duty
from tests.simulated import ask


def volume_of(duty: Duty, **fields: Any) -> str:
    [volume] = duty.aws.seed(volumes=[{"tags": {"Name": "old-data"}, **fields}])["volumes"]
    duty.look()
    return str(volume)


def enter(duty: Duty, volume: str, role: Role = Role.OPERATOR) -> Operation:
    return deleting.enter_delete(
        duty.volume(volume).id, actor=duty.aws.cast.actor(role), now=duty.clock(), reason="使っていない"
    )


def confirm(duty: Duty, entered: Operation, role: Role = Role.APPROVER) -> None:
    who = duty.aws.cast.actor(role)
    entry.confirm(
        entered.id, actor=who, now=duty.clock(), seen_digest=entered.digest, proof=proof(who, duty.clock())
    )


def ordered(duty: Duty, volume: str) -> UUID:
    entered = enter(duty, volume)
    confirm(duty, entered)
    return entered.id


def work(duty: Duty, rounds: int = 4) -> None:
    for _ in range(rounds):
        duty.tag()
        duty.clock.pass_(seconds=61)


def snapshots(duty: Duty) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = duty.console("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]
    return found


def exists(duty: Duty, volume: str) -> bool:
    return volume in duty.aws.states()["volumes"]


def page(duty: Duty, volume: str) -> VolumeDetail:
    actor, row = duty.aws.cast.actor(Role.OPERATOR), duty.volume(volume)
    with tenant_scope(actor.tenant_id):
        return volume_detail(row.id, actor=actor)


def outcome(duty: Duty) -> tuple[str, str]:
    [operation] = duty.operations(kind=deleting.KIND)
    return str(operation.state), operation.outcome


def test_its_snapshot_comes_first_and_tells_what_it_is(duty: Duty) -> None:
    volume = volume_of(duty)
    pk = ordered(duty, volume)
    work(duty)
    assert outcome(duty) == ("SUCCEEDED", "deleted")
    assert not exists(duty, volume)
    [made] = snapshots(duty)
    tags = {one["Key"]: one["Value"] for one in made["Tags"]}
    assert (made["VolumeId"], tags["Name"], tags["toban:operation"]) == (volume, "old-data", str(pk))
    assert duty.operations(kind=deleting.KIND)[0].outcome_detail["snapshot"] == made["SnapshotId"]
    assert duty.volume(volume).gone_at is not None


def test_the_volume_stays_until_its_snapshot_is_complete(duty: Duty) -> None:
    volume = volume_of(duty)
    ask("delays", {"account": duty.aws.number, "ebs_snapshot": 9000})
    ordered(duty, volume)
    work(duty)
    assert exists(duty, volume)
    assert outcome(duty) == ("CONFIRMED", "snapshot_pending")
    assert duty.sent("DeleteVolume") == []
    ask(f"settle?account={duty.aws.number}", {})
    work(duty)
    assert not exists(duty, volume)
    assert len(snapshots(duty)) == 1


def test_one_that_aws_takes_minutes_to_delete_ends_as_deleted_and_can_come_back(duty: Duty) -> None:
    volume = volume_of(duty)
    ask("delays", {"account": duty.aws.number, "ebs_delete": 9000})
    ordered(duty, volume)
    work(duty, 6)
    assert duty.aws.states()["volumes"][volume] == "deleting"
    assert outcome(duty)[0] == "RUNNING"
    ask(f"settle?account={duty.aws.number}", {})
    work(duty)
    assert outcome(duty) == ("SUCCEEDED", "deleted")
    assert duty.sent("DeleteVolume") == [[volume]]
    assert page(duty, volume).may_restore


def test_one_that_somebody_deletes_between_the_look_and_the_call_ends_as_deleted(
    duty: Duty, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = volume_of(duty)
    executor = get_kind(deleting.KIND).executor
    assert executor is not None
    call = executor.call

    def late(plan: Any, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        if plan.snapshots:
            duty.console("ec2").delete_volume(VolumeId=volume)
        return call(plan, operations, still_ours)

    monkeypatch.setattr(executor, "call", late)
    ordered(duty, volume)
    work(duty)
    assert outcome(duty) == ("SUCCEEDED", "deleted")
    assert page(duty, volume).may_restore


@pytest.mark.fault
@pytest.mark.parametrize("served", [False, True], ids=["as it was", "served a server since"])
def test_one_that_somebody_deletes_after_toban_could_not_comes_back_from_toban_s_snapshot(
    duty: Duty, served: bool
) -> None:
    """Unless a server has written on it since: that is in no snapshot."""
    volume = volume_of(duty)
    duty.aws.fault(match={"action": "DeleteVolume"}, code="UnauthorizedOperation", status=403)
    ordered(duty, volume)
    work(duty)
    assert outcome(duty) == ("FAILED", "permission")
    ec2 = duty.console("ec2")
    if served:
        [server] = duty.aws.seed(instances=[{"state": "running"}])["instances"]
        ec2.attach_volume(VolumeId=volume, InstanceId=server, Device="/dev/sdk")
        duty.look()
        ec2.detach_volume(VolumeId=volume)
        duty.clock.pass_(seconds=400)
        duty.look()
    duty.aws.no_faults()
    ec2.delete_volume(VolumeId=volume)
    duty.clock.pass_(seconds=400)
    duty.look()
    assert page(duty, volume).snapshot == ("" if served else snapshots(duty)[0]["SnapshotId"])


def test_it_takes_another_person(duty: Duty) -> None:
    volume = volume_of(duty)
    entered = enter(duty, volume)
    with pytest.raises(NotPermitted):
        confirm(duty, entered, Role.OPERATOR)
    with pytest.raises(NotPermitted):
        enter(duty, volume, Role.VIEWER)
    with pytest.raises(NotFound):
        deleting.enter_delete(
            duty.volume(volume).id, actor=duty.aws.cast.stranger_actor, now=duty.clock(), reason="x"
        )
    work(duty)
    assert exists(duty, volume)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"attached": True}, "volume_in_use"),
        ({"tags": {"Toban": "never"}}, "never_touch"),
        ({"tags": {"Toban": "Nevr"}}, "toban_value"),  # nobody can say what was meant: it stays
    ],
    ids=str,
)
def test_what_must_not_go_is_refused_before_anything_is_entered(
    duty: Duty, fields: dict[str, Any], code: str
) -> None:
    if fields.pop("attached", False):
        [server] = duty.aws.seed(instances=[{"state": "running"}])["instances"]
        fields["attachments"] = [{"instance_id": server}]
    volume = volume_of(duty, **fields)
    with pytest.raises(Refused) as refused:
        enter(duty, volume)
    assert refused.value.code == code


@pytest.mark.parametrize("step", ["before the snapshot", "after the snapshot"])
def test_one_that_somebody_attached_meanwhile_is_left_alone(duty: Duty, step: str) -> None:
    volume = volume_of(duty)
    [server] = duty.aws.seed(instances=[{"state": "running"}])["instances"]
    ask("delays", {"account": duty.aws.number, "ebs_snapshot": 9000})
    ordered(duty, volume)
    if step == "after the snapshot":
        work(duty, 1)
    duty.console("ec2").attach_volume(VolumeId=volume, InstanceId=server, Device="/dev/sdk")
    ask(f"settle?account={duty.aws.number}", {})
    work(duty)
    assert outcome(duty) == ("CANCELLED", "volume_in_use")
    assert exists(duty, volume)


def test_one_that_served_a_server_meanwhile_is_left_alone(duty: Duty) -> None:
    """What was written in between is in no snapshot, and no confirmer knew of it."""
    volume = volume_of(duty)
    [server] = duty.aws.seed(instances=[{"state": "running"}])["instances"]
    entered = enter(duty, volume)
    ec2 = duty.console("ec2")
    ec2.attach_volume(VolumeId=volume, InstanceId=server, Device="/dev/sdk")
    duty.clock.pass_(seconds=400)
    duty.look()
    ec2.detach_volume(VolumeId=volume)
    duty.clock.pass_(seconds=400)
    duty.look()
    confirm(duty, entered)
    work(duty)
    assert outcome(duty) == ("CANCELLED", "volume_used_meanwhile")
    assert exists(duty, volume)


@pytest.mark.fault
@pytest.mark.parametrize("action", ["CreateSnapshot", "DeleteVolume"])
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_answer_that_was_lost_is_settled_by_looking(
    duty: Duty, settings: Settings, action: str, done: bool
) -> None:
    volume = volume_of(duty)
    settings.AWS_READ_TIMEOUT_S = 1.0
    lost = {"apply_then_lose": True} if done else {"code": "InternalError", "status": 500}
    duty.aws.fault(match={"action": action}, times=1, **lost)
    ordered(duty, volume)
    work(duty, 8)
    assert outcome(duty) == ("SUCCEEDED", "deleted")
    assert not exists(duty, volume)
    assert len(snapshots(duty)) == 1


@pytest.mark.fault
def test_a_missing_permission_is_named_and_nothing_is_deleted(duty: Duty) -> None:
    volume = volume_of(duty)
    duty.aws.fault(match={"action": "CreateSnapshot"}, code="UnauthorizedOperation", status=403)
    ordered(duty, volume)
    work(duty)
    [operation] = duty.operations(kind=deleting.KIND)
    assert (operation.state, operation.outcome) == ("FAILED", "permission")
    assert operation.outcome_detail["missing_action"] == "ec2:CreateSnapshot"
    assert exists(duty, volume)


def test_one_bad_volume_stops_no_other(duty: Duty) -> None:
    bad, good = duty.aws.seed(volumes=[{}, {}])["volumes"]
    duty.look()
    ordered(duty, bad)
    ordered(duty, good)
    duty.console("ec2").delete_volume(VolumeId=bad)
    work(duty)
    ends = {one.target_id: one.outcome for one in duty.operations(kind=deleting.KIND)}
    assert ends == {str(duty.volume(bad).id): "already", str(duty.volume(good).id): "deleted"}


def test_a_volume_has_one_deletion_at_a_time_and_one_form_stands_for_one(duty: Duty) -> None:
    volume = volume_of(duty)
    who, pk, now = duty.aws.cast.actor(Role.OPERATOR), duty.volume(volume).id, duty.clock()
    first = deleting.enter_delete(pk, actor=who, now=now, reason="x", token="a" * 32)
    assert deleting.enter_delete(pk, actor=who, now=now, reason="x", token="a" * 32).id == first.id
    with pytest.raises(Refused) as refused:
        deleting.enter_delete(pk, actor=who, now=now, reason="x", token="b" * 32)
    assert refused.value.code == "operation_open"


@pytest.mark.parametrize("apart", [False, True], ids=["in one round", "one after the other"])
def test_two_people_who_entered_it_at_one_moment_make_one_snapshot(duty: Duty, apart: bool) -> None:
    """Neither request saw the other one's entry."""
    volume = volume_of(duty)
    ask("delays", {"account": duty.aws.number, "ebs_snapshot": 9000})
    first = enter(duty, volume)
    target = OperationTarget("volume", first.target_id, first.target_name, first.lane, {})
    actor = duty.aws.cast.actor(Role.OPERATOR)
    second = entry.enter(
        deleting.KIND, target, first.parameters, actor=actor, now=duty.clock(), reason="使っていない"
    )
    for one in (first, second):
        confirm(duty, one)
        if apart:
            work(duty, 1)
    work(duty, 1)
    ask(f"settle?account={duty.aws.number}", {})
    work(duty)
    assert len(snapshots(duty)) == 1
    ended = {one.state: one.outcome for one in duty.operations(kind=deleting.KIND)}
    assert ended == {"SUCCEEDED": "deleted", "CANCELLED": "operation_open"}
    assert page(duty, volume).may_restore


def test_an_encrypted_one_is_deleted_only_where_the_roles_were_asked_for_the_rights_on_its_key(
    duty: Duty,
) -> None:
    """Its snapshot needs the key to become a volume again, and templates of before gave no right on it."""
    key = f"arn:aws:kms:ap-northeast-1:{duty.aws.number}:key/1"
    locked, open_ = duty.aws.seed(volumes=[{"key_id": key}, {}])["volumes"]
    duty.look()
    admin = duty.aws.cast.actor(Role.ADMINISTRATOR)
    row = begin_again(duty.aws.row.id, actor=admin, now=duty.clock())
    proven(row, without="kms:")
    for volume in (locked, open_):
        ordered(duty, volume)
    work(duty)
    ends = {one.parameters["volume_id"]: one for one in duty.operations(kind=deleting.KIND)}
    assert (ends[locked].outcome, ends[open_].outcome) == ("key_rights_unproven", "deleted")
    assert ends[locked].outcome_detail["keys"] == key
    assert exists(duty, locked)
    proven(row, without="")
    ordered(duty, locked)
    work(duty)
    assert not exists(duty, locked)


def test_a_lost_proof_holds_no_deletion_longer_than_a_proof_may_take(duty: Duty) -> None:
    [locked] = duty.aws.seed(volumes=[{"key_id": f"arn:aws:kms:ap-northeast-1:{duty.aws.number}:key/1"}])[
        "volumes"
    ]
    duty.look()
    admin = duty.aws.cast.actor(Role.ADMINISTRATOR)
    row = begin_again(duty.aws.row.id, actor=admin, now=duty.clock())
    ask_proof(row.id, actor=admin, now=duty.clock())
    ordered(duty, locked)
    duty.tag()
    [waits] = duty.operations(kind=deleting.KIND)
    assert (waits.state, waits.outcome) == ("CONFIRMED", "proof_under_way")
    duty.clock.pass_(minutes=6)
    work(duty)
    [ended] = duty.operations(kind=deleting.KIND)
    assert (ended.state, ended.outcome) == ("CANCELLED", "key_rights_unproven")
    assert exists(duty, locked)


def test_what_nobody_has_chosen_or_tried_casts_no_doubt_on_keys(duty: Duty) -> None:
    """That somebody enters a change, and even that it is turned down, writes down what an account made known by a command does."""
    cast, account, now = duty.aws.cast, duty.aws.row, duty.clock()
    admin, approver = cast.actor(Role.ADMINISTRATOR), cast.actor(Role.APPROVER)

    def doubt() -> str:
        with tenant_scope(cast.tenant.id):
            return keys_doubt(account.account_id, duty.clock())

    def osaka() -> Operation:
        wanted = ["ap-northeast-1", "ap-northeast-3"]
        return enter_regions(account.id, wanted, actor=admin, now=duty.clock(), reason="x")

    entry.reject(osaka().id, actor=approver, now=now, reason="x")
    assert doubt() == ""
    confirm(duty, osaka())
    assert doubt() == "", "regions are no features"
    wanted = [str(one) for one in Feature if one not in (Feature.ORGANIZATION, Feature.REACH)]
    chosen = enter_features(account.id, wanted, managed_only=False, actor=admin, now=duty.clock(), reason="x")
    assert doubt() == ""
    confirm(duty, chosen)
    assert doubt() == "key_rights_unproven"
    back = [str(one) for one in Feature if one is not Feature.ORGANIZATION]
    confirm(
        duty, enter_features(account.id, back, managed_only=False, actor=admin, now=duty.clock(), reason="x")
    )
    assert doubt() == "key_rights_unproven", "what two people chose stays chosen"


def proven(row: AccountSetup, without: str) -> None:
    """As a proof of today tells it, or one of before, which did not ask about some rights."""
    asked = [
        Check("no_dry_run", AccountRole.OPERATE, Status.UNTRIED, one).as_json()
        for one in onboarding.CHANGES[Feature.LEFTOVERS]
        if not without or not one.startswith(without)
    ]
    with tenant_scope(row.tenant_id):
        AccountSetup.objects.filter(id=row.id).update(
            proof=asked, proof_asked_at=row.started_at, proof_ended_at=row.started_at
        )
