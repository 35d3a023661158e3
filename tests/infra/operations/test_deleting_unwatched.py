"""What a volume held is in its snapshot only as far as somebody watched, from the snapshot on, that nothing served with it."""

from __future__ import annotations

from infra.operations import deleting
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_deleting import (
    confirm,
    enter,
    exists,
    ordered,
    outcome,
    snapshots,
    volume_of,
    work,
)


def attach_and_detach(duty: Duty, volume: str, *, look: bool) -> None:
    [server] = duty.aws.seed(instances=[{"state": "running"}])["instances"]
    ec2 = duty.console("ec2")
    ec2.attach_volume(VolumeId=volume, InstanceId=server, Device="/dev/sdk")
    duty.clock.pass_(minutes=6)
    if look:
        duty.look()
    ec2.detach_volume(VolumeId=volume)
    duty.clock.pass_(minutes=6)


def test_what_served_while_nobody_looked_is_left_alone_with_its_older_snapshot(duty: Duty) -> None:
    volume = volume_of(duty)
    ordered(duty, volume)
    duty.tag()
    [made] = snapshots(duty)
    attach_and_detach(duty, volume, look=False)
    work(duty)
    assert outcome(duty) == ("CANCELLED", "volume_unwatched")
    [ended] = duty.operations(kind=deleting.KIND)
    assert ended.outcome_detail["snapshot"] == made["SnapshotId"]
    assert exists(duty, volume)


def test_what_the_last_look_saw_attached_has_served_though_it_is_free_again(duty: Duty) -> None:
    volume = volume_of(duty)
    entered = enter(duty, volume)
    attach_and_detach(duty, volume, look=True)
    confirm(duty, entered)
    work(duty)
    assert outcome(duty) == ("CANCELLED", "volume_used_meanwhile")
    assert exists(duty, volume)


def test_a_snapshot_that_takes_hours_is_watched_all_the_while_though_aws_is_busy_now_and_then(
    duty: Duty,
) -> None:
    volume = volume_of(duty)
    duty.aws.seed(delays={"ebs_snapshot": 3600})
    ordered(duty, volume)
    work(duty, 15)
    duty.aws.fault(match={"action": "DescribeVolumes"}, code="RequestLimitExceeded", status=503)
    work(duty, 2)
    duty.aws.no_faults()
    work(duty, 4)
    assert outcome(duty) == ("CONFIRMED", "snapshot_pending")
