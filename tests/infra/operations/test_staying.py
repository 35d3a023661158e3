"""Whether a volume goes with its server, and the end of a snapshot whose volume is gone: two people, one call, and a look."""

from __future__ import annotations

import pytest

from accounts.domain.permissions import Role
from infra.models import VolumeSnapshot
from infra.operations import staying, volume_snapshots
from infra.queries.volume_snapshots import left_snapshots
from infra.queries.volume_snapshots import staying as staying_page
from medical_audit.domain.errors import Refused
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_deleting import confirm


def attached(duty: Duty, *goes: bool) -> list[tuple[str, str]]:
    """(server, a volume of it), as many as there are answers to whether it goes with its server."""
    servers = duty.aws.seed(instances=[{"tags": {"Name": "web"}} for _ in goes])["instances"]
    ties = [
        {"instance_id": server, "device": "/dev/sdf", "delete_on_termination": one}
        for server, one in zip(servers, goes, strict=True)
    ]
    volumes = duty.aws.seed(volumes=[{"tags": {"Name": "data"}, "attachments": [tie]} for tie in ties])[
        "volumes"
    ]
    duty.look()
    return list(zip(servers, volumes, strict=True))


def change(duty: Duty, volume: str, wish: str = staying.GOES) -> Operation:
    actor = duty.aws.cast.actor(Role.OPERATOR)
    return staying.enter_change(duty.volume(volume).id, wish, actor=actor, now=duty.clock(), reason="不要")


def goes(duty: Duty, volume: str) -> bool:
    [found] = duty.console("ec2").describe_volumes(VolumeIds=[volume])["Volumes"]
    return bool(found["Attachments"][0]["DeleteOnTermination"])


def work(duty: Duty) -> None:
    for _ in range(2):
        duty.tag()
        duty.clock.pass_(seconds=61)


def listed(duty: Duty) -> list[str]:
    actor = duty.aws.cast.actor(Role.VIEWER)
    with tenant_scope(actor.tenant_id):
        return [one.volume.volume_id for one in staying_page(actor=actor)[0]]


def test_a_volume_that_would_stay_is_listed_and_goes_with_its_server_once_two_people_agreed(
    duty: Duty,
) -> None:
    (_, volume), _other = attached(duty, False, True)
    assert listed(duty) == [volume]
    entered = change(duty, volume)
    work(duty)
    assert not goes(duty, volume)
    confirm(duty, entered)
    work(duty)
    assert goes(duty, volume)
    assert len(duty.sent("ModifyInstanceAttribute")) == 1
    [operation] = duty.operations(kind=staying.KIND)
    assert (operation.state, operation.outcome) == ("SUCCEEDED", "termination_set")
    assert listed(duty) == []
    with pytest.raises(Refused, match="nothing_changed"):
        change(duty, volume)
    confirm(duty, change(duty, volume, staying.STAYS))
    work(duty)
    assert not goes(duty, volume)


def test_one_that_serves_another_server_by_then_is_left_alone(duty: Duty) -> None:
    [(server, volume)] = attached(duty, False)
    confirm(duty, change(duty, volume))
    duty.console("ec2").detach_volume(VolumeId=volume, InstanceId=server)
    work(duty)
    [operation] = duty.operations(kind=staying.KIND)
    assert (operation.state, operation.outcome) == ("CANCELLED", "attachment_changed")
    assert duty.sent("ModifyInstanceAttribute") == []


def test_a_lost_answer_is_settled_by_looking(duty: Duty) -> None:
    [(_, volume)] = attached(duty, False)
    confirm(duty, change(duty, volume))
    duty.aws.fault(match={"action": "ModifyInstanceAttribute"}, apply_then_lose=True, times=1)
    for _ in range(2):
        work(duty)
    [operation] = duty.operations(kind=staying.KIND)
    assert (operation.state, len(duty.sent("ModifyInstanceAttribute"))) == ("SUCCEEDED", 1)


# -- snapshots -----------------------------------------------------------------------------------------------------


def copies(duty: Duty, *tags: dict[str, str]) -> list[str]:
    """Snapshots of a volume that is gone since, as many as there are sets of tags."""
    [volume] = duty.aws.seed(volumes=[{"tags": {"Name": "old", "Owner": "sato"}, "size_gib": 40}])["volumes"]
    ec2 = duty.console("ec2")
    made = []
    for one in tags:
        found = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        if one:
            ec2.create_tags(
                Resources=[found], Tags=[{"Key": key, "Value": value} for key, value in one.items()]
            )
        made.append(found)
    duty.look()
    ec2.delete_volume(VolumeId=volume)
    return made


def snapshot(duty: Duty, name: str) -> VolumeSnapshot:
    with tenant_scope(duty.aws.cast.tenant.id):
        found: VolumeSnapshot = VolumeSnapshot.objects.get(snapshot_id=name)
        return found


def delete(duty: Duty, name: str) -> Operation:
    actor = duty.aws.cast.actor(Role.OPERATOR)
    return volume_snapshots.enter_delete(
        snapshot(duty, name).id, actor=actor, now=duty.clock(), reason="不要"
    )


def exist(duty: Duty) -> set[str]:
    found = duty.console("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]
    return {one["SnapshotId"] for one in found}


def ages(duty: Duty, days: int = 400) -> None:
    """The simulator stamps snapshots with the real time, the tests have a clock of their own: both must find them old."""
    duty.clock.pass_(days=days)
    duty.look()


def test_snapshots_without_a_volume_are_listed_and_some_must_stay(duty: Duty) -> None:
    plain, never, backup = copies(duty, {"Owner": "ito"}, {"Toban": "never"}, {"Project": "karte"})
    ages(duty)
    actor = duty.aws.cast.actor(Role.VIEWER)
    with tenant_scope(actor.tenant_id):
        seen = left_snapshots(actor=actor, now=duty.clock())
    rows = {one.snapshot.snapshot_id: one for one in seen.rows}
    assert set(rows) == {plain, never, backup}
    assert (rows[plain].owner, rows[backup].owner, rows[backup].project) == ("ito", "sato", "karte")
    assert (rows[plain].refusal, rows[never].refusal) == ("", "never_touch")
    assert (seen.total.gib, seen.total.unpriced) == (120, 3)
    confirm(duty, delete(duty, plain))
    work(duty)
    assert exist(duty) == {never, backup}
    [operation] = duty.operations(kind=volume_snapshots.KIND)
    assert (operation.state, operation.outcome) == ("SUCCEEDED", "snapshot_deleted")
    assert snapshot(duty, plain).gone_at is not None
    with pytest.raises(Refused, match="never_touch"):
        delete(duty, never)


def test_one_that_is_shared_after_it_was_entered_and_one_that_an_image_is_made_of_stay(duty: Duty) -> None:
    [server] = duty.aws.seed(instances=[{"state": "stopped"}])["instances"]
    ec2 = duty.console("ec2")
    ec2.create_image(InstanceId=server, Name="golden")
    [shared] = copies(duty, {})
    ages(duty)
    with tenant_scope(duty.aws.cast.tenant.id):
        [imaged] = [row.snapshot_id for row in VolumeSnapshot.objects.all() if row.images]
    with pytest.raises(Refused, match="snapshot_of_image"):
        delete(duty, imaged)
    confirm(duty, delete(duty, shared))
    ec2.modify_snapshot_attribute(
        SnapshotId=shared, Attribute="createVolumePermission", OperationType="add", UserIds=["123456789012"]
    )
    work(duty)
    [operation] = duty.operations(kind=volume_snapshots.KIND)
    assert (operation.state, operation.outcome) == ("CANCELLED", "snapshot_shared")
    assert exist(duty) == {shared, imaged}
    assert duty.sent("DeleteSnapshot") == []


def test_the_second_of_two_copies_is_named_as_the_last_one_before_anybody_confirms(duty: Duty) -> None:
    first, second = copies(duty, {}, {})
    ages(duty)
    entered = [delete(duty, one) for one in (first, second)]
    assert [one.shown["last_copy"] for one in entered] == ["no", "yes"]


def test_a_snapshot_that_became_the_last_copy_since_it_was_entered_stays(duty: Duty) -> None:
    first, second, third = copies(duty, {}, {}, {})
    ages(duty)
    entered = [delete(duty, one) for one in (first, second)]
    assert [one.shown["last_copy"] for one in entered] == ["no", "no"]
    duty.console("ec2").delete_snapshot(SnapshotId=third)
    for one in entered:
        confirm(duty, one)
    work(duty)
    assert len(exist(duty)) == 1
    assert sorted(one.outcome for one in duty.operations(kind=volume_snapshots.KIND)) == [
        "snapshot_deleted", "snapshot_last_copy",
    ]  # fmt: skip


def test_a_snapshot_whose_volume_is_there_is_not_deleted_here(duty: Duty) -> None:
    [volume] = duty.aws.seed(volumes=[{"tags": {"Name": "data"}}])["volumes"]
    name = duty.console("ec2").create_snapshot(VolumeId=volume)["SnapshotId"]
    ages(duty)
    with pytest.raises(Refused, match="snapshot_of_volume"):
        delete(duty, name)


def test_a_copy_of_a_snapshot_is_no_left_over_because_its_volume_is_not_known(duty: Duty) -> None:
    """AWS gives every copy the same volume id, which is no volume."""
    first, second = copies(duty, {}, {})
    ages(duty)
    with duty.as_role("worker"), tenant_scope(duty.aws.cast.tenant.id):
        VolumeSnapshot.objects.filter(snapshot_id__in=(first, second)).update(volume_id="vol-ffffffff")
    actor = duty.aws.cast.actor(Role.VIEWER)
    with tenant_scope(actor.tenant_id):
        assert left_snapshots(actor=actor, now=duty.clock()).rows == []
    with pytest.raises(Refused, match="snapshot_copied"):
        delete(duty, first)


def test_the_page_says_of_each_volume_what_the_entry_would_say(duty: Duty) -> None:
    """No tick is offered that is only refused."""
    tie = {"device": "/dev/sdf", "delete_on_termination": False}
    servers = duty.aws.seed(instances=[{}, {}])["instances"]
    marked = [{"Toban": "never"}, {}]
    duty.aws.seed(volumes=[
        {"tags": tags, "attachments": [tie | {"instance_id": one}]} for one, tags in zip(servers, marked, strict=True)
    ])  # fmt: skip
    duty.look()
    actor = duty.aws.cast.actor(Role.OPERATOR)

    def told() -> list[str]:
        with tenant_scope(actor.tenant_id):
            return sorted(one.refusal for one in staying_page(actor=actor)[0])

    assert told() == ["", "never_touch"]
    duty.does("servers")
    assert told() == ["feature_off", "never_touch"]


@pytest.mark.fault
def test_a_snapshot_that_somebody_deletes_at_the_same_moment_is_gone_as_wanted(duty: Duty) -> None:
    [name] = copies(duty, {})
    ages(duty)
    confirm(duty, delete(duty, name))
    duty.aws.fault(match={"action": "DeleteSnapshot"}, code="InvalidSnapshot.NotFound", status=400)
    work(duty)
    [ended] = duty.operations(kind=volume_snapshots.KIND)
    assert (ended.state, ended.outcome, snapshot(duty, name).state) == ("SUCCEEDED", "already", "gone")
