"""A volume that Toban deleted comes back from its snapshot: once, with its name and tags, however often it is tried."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from accounts.domain.permissions import Role
from infra.operations import restoring
from infra.operations.restoring import KIND
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_deleting import confirm, ordered, page, snapshots, volume_of, work


def deleted(duty: Duty) -> str:
    volume = volume_of(duty, tags={"Name": "old-data", "Project": "電子カルテ"}, size_gib=100)
    ordered(duty, volume)
    work(duty)
    return volume


def enter(duty: Duty, volume: str, role: Role = Role.OPERATOR) -> Operation:
    actor = duty.aws.cast.actor(role)
    return restoring.enter_restore(duty.volume(volume).id, actor=actor, now=duty.clock(), reason="必要だった")


def back(duty: Duty) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = duty.console("ec2").describe_volumes()["Volumes"]
    return found


def test_it_comes_back_with_its_name_its_tags_and_its_snapshot_kept(duty: Duty) -> None:
    volume = deleted(duty)
    assert back(duty) == []
    confirm(duty, enter(duty, volume))
    work(duty)
    [operation] = duty.operations(kind=KIND)
    assert (operation.state, operation.outcome) == ("SUCCEEDED", "restored")
    [made] = back(duty)
    tags = {one["Key"]: one["Value"] for one in made["Tags"]}
    assert (tags["Name"], tags["Project"], tags["toban:volume"]) == ("old-data", "電子カルテ", volume)
    assert (made["Size"], made["SnapshotId"]) == (100, snapshots(duty)[0]["SnapshotId"])
    assert operation.outcome_detail["volume"] == made["VolumeId"]
    with pytest.raises(Refused, match="restored_already"):
        enter(duty, volume)
    duty.look()
    assert duty.volume(made["VolumeId"]).name == "old-data"


def test_what_was_brought_back_and_deleted_by_hand_can_be_brought_back_again(duty: Duty) -> None:
    """As Toban itself says of a restore: it is undone by deleting the new volume."""
    volume = deleted(duty)
    confirm(duty, enter(duty, volume))
    work(duty)
    [first] = back(duty)
    duty.look()
    duty.console("ec2").delete_volume(VolumeId=first["VolumeId"])
    duty.look()
    assert page(duty, volume).may_restore
    confirm(duty, enter(duty, volume))
    work(duty)
    [again] = back(duty)
    assert (again["VolumeId"] != first["VolumeId"], page(duty, volume).restored) == (True, again["VolumeId"])


def test_no_snapshot_is_offered_that_is_known_to_be_gone(duty: Duty) -> None:
    volume = deleted(duty)
    duty.clock.pass_(hours=7)
    duty.look()
    duty.console("ec2").delete_snapshot(SnapshotId=snapshots(duty)[0]["SnapshotId"])
    duty.clock.pass_(hours=7)
    duty.look()
    seen = page(duty, volume)
    assert (seen.restore_refusal, seen.may_restore) == ("snapshot_gone", False)
    with pytest.raises(Refused, match="snapshot_gone"):
        enter(duty, volume)


def test_it_takes_another_person_and_a_deletion_by_toban(duty: Duty) -> None:
    volume = volume_of(duty)
    with pytest.raises(Refused, match="not_deleted"):
        enter(duty, volume)
    with pytest.raises(NotPermitted):
        enter(duty, volume, Role.VIEWER)
    with pytest.raises(NotFound):
        restoring.enter_restore(
            duty.volume(volume).id, actor=duty.aws.cast.stranger_actor, now=duty.clock(), reason="x"
        )
    duty.console("ec2").delete_volume(VolumeId=volume)
    duty.look()
    with pytest.raises(Refused, match="nothing_to_restore"):
        enter(duty, volume)


def test_without_its_snapshot_nothing_is_made(duty: Duty) -> None:
    volume = deleted(duty)
    confirm(duty, enter(duty, volume))
    duty.console("ec2").delete_snapshot(SnapshotId=snapshots(duty)[0]["SnapshotId"])
    work(duty)
    [operation] = duty.operations(kind=KIND)
    assert (operation.state, operation.outcome) == ("FAILED", "snapshot_gone")
    assert duty.sent("CreateVolume") == []


def test_an_archived_snapshot_is_refused_with_the_way_out_before_it_is_entered_and_before_the_call(
    duty: Duty,
) -> None:
    """moto archives at once, and makes volumes of archived snapshots; AWS does neither."""
    volume = deleted(duty)
    entered = enter(duty, volume)
    [made] = snapshots(duty)
    duty.console("ec2").modify_snapshot_tier(SnapshotId=made["SnapshotId"], StorageTier="archive")
    confirm(duty, entered)
    work(duty)
    [operation] = duty.operations(kind=KIND)
    assert (operation.state, operation.outcome) == ("FAILED", "snapshot_archived")
    assert duty.sent("CreateVolume") == []
    duty.clock.pass_(hours=7)
    duty.look()
    with pytest.raises(Refused, match="snapshot_archived"):
        enter(duty, volume)
    seen = page(duty, volume)
    assert (seen.restore_refusal, seen.may_restore) == ("snapshot_archived", False)


@pytest.mark.fault
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_answer_that_was_lost_makes_no_second_volume(duty: Duty, settings: Settings, done: bool) -> None:
    volume = deleted(duty)
    settings.AWS_READ_TIMEOUT_S = 1.0
    lost = {"apply_then_lose": True} if done else {"code": "InternalError", "status": 500}
    duty.aws.fault(match={"action": "CreateVolume"}, times=1, **lost)
    confirm(duty, enter(duty, volume))
    work(duty, 8)
    [operation] = duty.operations(kind=KIND)
    assert (operation.state, operation.outcome) == ("SUCCEEDED", "restored")
    assert len(back(duty)) == 1


@pytest.mark.parametrize("apart", [False, True], ids=["in one round", "one after the other"])
def test_two_people_who_entered_it_at_one_moment_get_one_volume(duty: Duty, apart: bool) -> None:
    """Neither request saw the other one's entry."""
    volume = deleted(duty)
    first = enter(duty, volume)
    target = OperationTarget("volume", first.target_id, first.target_name, first.lane, {})
    actor = duty.aws.cast.actor(Role.OPERATOR)
    second = entry.enter(KIND, target, first.parameters, actor=actor, now=duty.clock(), reason="必要だった")
    for one in (first, second):
        confirm(duty, one)
        if apart:
            work(duty)
    work(duty)
    assert len(back(duty)) == 1
    outcomes = sorted(one.outcome for one in duty.operations(kind=KIND))
    assert outcomes == ["restored", "restored_already"]


@pytest.mark.parametrize("looked", [False, True], ids=["before a look", "after a look"])
def test_what_a_restore_that_failed_here_left_at_aws_is_not_made_twice(duty: Duty, looked: bool) -> None:
    volume = deleted(duty)
    confirm(duty, enter(duty, volume))
    work(duty, 1)
    # AWS shows it only when the time in which it was looked for is over.
    [made], ec2 = back(duty), duty.console("ec2")
    mark = [one for one in made["Tags"] if one["Key"] == "toban:operation"]
    ec2.delete_tags(Resources=[made["VolumeId"]], Tags=mark)
    duty.clock.pass_(hours=3)
    work(duty, 1)
    assert [one.state for one in duty.operations(kind=KIND)] == ["FAILED"]
    ec2.create_tags(Resources=[made["VolumeId"]], Tags=mark)
    if looked:
        duty.look()
        with pytest.raises(Refused, match="restored_already"):
            enter(duty, volume)
    else:
        confirm(duty, enter(duty, volume))
        work(duty)
        second = duty.operations(kind=KIND)[-1]
        assert (second.outcome, second.outcome_detail["volume"]) == ("restored", back(duty)[0]["VolumeId"])
    assert len(back(duty)) == 1


@pytest.mark.fault
def test_one_whose_call_is_under_way_is_not_called_for_by_another(duty: Duty) -> None:
    """Both are due at one moment; what the first has made is not shown yet."""
    volume = deleted(duty)
    first = enter(duty, volume)
    target = OperationTarget("volume", first.target_id, first.target_name, first.lane, {})
    actor = duty.aws.cast.actor(Role.OPERATOR)
    second = entry.enter(KIND, target, first.parameters, actor=actor, now=duty.clock(), reason="必要だった")
    confirm(duty, first)
    duty.tag()
    confirm(duty, second)
    duty.clock.pass_(seconds=11)
    duty.tag()
    assert duty.sent("CreateVolume") == [first.parameters["from_snapshot"].split()]
    assert sorted(one.outcome for one in duty.operations(kind=KIND)) == ["restored", "restored_already"]


@pytest.mark.parametrize(
    ("type_", "iops", "throughput", "comes_back"),
    [
        ("io2", 6400, 0, ("io2", 6400, None)),
        ("gp3", 5000, 250, ("gp3", 5000, 250)),
    ],
)
def test_it_comes_back_with_its_own_type_iops_and_throughput(
    duty: Duty, type_: str, iops: int, throughput: int, comes_back: tuple[str, int, int | None]
) -> None:
    volume = volume_of(duty, volume_type=type_, iops=iops, throughput=throughput, size_gib=200)
    ordered(duty, volume)
    work(duty)
    confirm(duty, enter(duty, volume))
    work(duty)
    [made] = back(duty)
    assert (made["VolumeType"], made["Iops"], made.get("Throughput")) == comes_back


def test_another_zone_is_taken_only_knowingly_and_only_where_the_account_has_something(duty: Duty) -> None:
    volume, _other = duty.aws.seed(
        volumes=[{"tags": {"Name": "old-data"}, "zone": "ap-northeast-1a"}, {"zone": "ap-northeast-1c"}]
    )["volumes"]
    duty.look()
    ordered(duty, volume)
    work(duty)
    who: dict[str, Any] = {
        "actor": duty.aws.cast.actor(Role.OPERATOR),
        "now": duty.clock(),
        "reason": "移した先で使う",
    }
    with pytest.raises(Refused, match="bad_zone"):
        restoring.enter_restore(duty.volume(volume).id, zone="us-east-1a", **who)
    entered = restoring.enter_restore(duty.volume(volume).id, zone="ap-northeast-1c", **who)
    assert (entered.shown["zone"], entered.shown["before"]) == (
        "ap-northeast-1c",
        {"zone": "ap-northeast-1a"},
    )
    confirm(duty, entered)
    work(duty)
    assert [one["AvailabilityZone"] for one in back(duty)] == ["ap-northeast-1c", "ap-northeast-1c"]
