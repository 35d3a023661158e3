"""A look that began before an operation saw or changed something is kept without that: what is known already is newer."""

from __future__ import annotations

from infra.aws import disks, ec2
from infra.aws import reach as aws_reach
from infra.domain.aws import Target
from infra.models import VolumeSnapshot
from infra.operations import database_terms, volume_snapshots, volumes
from infra.queries.targets import target_of
from medical_audit.tenancy import tenant_scope
from tests.infra.operations import test_deleting, test_reaching
from tests.infra.operations.duty import Duty
from tests.simulated import TOKYO


def target(duty: Duty) -> Target:
    with tenant_scope(duty.aws.cast.tenant.id):
        found = target_of(duty.aws.number, TOKYO)
    assert found is not None
    return found


def test_a_volume_that_was_deleted_meanwhile_stays_deleted_and_can_come_back(duty: Duty) -> None:
    volume = test_deleting.volume_of(duty)
    looked_at, listed = duty.clock(), ec2.list_volumes(target(duty))
    copies = volume_snapshots.Read(disks.list_snapshots(target(duty)), {})
    duty.clock.pass_(seconds=5)
    test_deleting.ordered(duty, volume)
    test_deleting.work(duty)
    with duty.as_role("worker"), tenant_scope(duty.aws.cast.tenant.id):
        volumes.keep_volumes(duty.aws.region, listed, (), looked_at=looked_at, now=duty.clock())
        volume_snapshots.keep(duty.aws.region, copies, looked_at=looked_at, now=duty.clock())
    assert duty.volume(volume).gone_at is not None
    assert test_deleting.page(duty, volume).may_restore


def test_a_name_that_was_written_meanwhile_stands_on_the_page(duty: Duty) -> None:
    [server] = duty.aws.seed(instances=[{"tags": {"Name": "web"}}])["instances"]
    [volume] = duty.aws.seed(volumes=[{"attachments": [{"instance_id": server}]}])["volumes"]
    duty.look()
    looked_at, listed = duty.clock(), ec2.list_volumes(target(duty))
    duty.clock.pass_(seconds=5)
    duty.tag()
    with duty.as_role("worker"), tenant_scope(duty.aws.cast.tenant.id):
        volumes.keep_volumes(duty.aws.region, listed, (), looked_at=looked_at, now=duty.clock())
    assert duty.volume(volume).name == "web"
    duty.clock.pass_(minutes=5)
    duty.untag(volume, "Name")
    duty.look()
    assert duty.volume(volume).name == ""  # a later look is newer again


def test_a_snapshot_that_was_tagged_meanwhile_keeps_its_tags_and_one_that_is_gone_stays_gone(
    duty: Duty,
) -> None:
    volume = test_deleting.volume_of(duty)
    made = duty.console("ec2").create_snapshot(VolumeId=volume)["SnapshotId"]
    duty.clock.pass_(hours=7)
    duty.look()
    looked_at = duty.clock()
    copies = volume_snapshots.Read(disks.list_snapshots(target(duty)), {})
    now = duty.clock.pass_(seconds=5)
    with duty.as_role("worker"), tenant_scope(duty.aws.cast.tenant.id):
        rows = VolumeSnapshot.objects.filter(snapshot_id=made)
        rows.update(gone_at=now, seen_at=now, state="gone")
        volume_snapshots.keep(duty.aws.region, copies, looked_at=looked_at, now=duty.clock.pass_(seconds=5))
        assert rows.get().gone_at == now


def test_a_rule_that_was_opened_meanwhile_stands_and_what_others_changed_elsewhere_is_seen(
    duty: Duty,
) -> None:
    group = test_reaching.seeded(duty)
    before = duty.region().database_terms
    looked_at = duty.clock()
    read = database_terms.Read(rules=aws_reach.list_rules(target(duty), {group}))
    duty.clock.pass_(seconds=5)
    test_reaching.confirm(duty, test_reaching.enter(duty, group))
    test_reaching.work(duty)
    region = duty.region()
    with tenant_scope(duty.aws.cast.tenant.id):
        database_terms.keep(region, read, before=before, looked_at=looked_at, now=duty.clock())
    assert test_reaching.SOURCE in [one["source"] for one in region.database_terms["rules"]]
    newer = duty.region()
    with tenant_scope(duty.aws.cast.tenant.id):
        database_terms.keep(
            newer, read, before=newer.database_terms, looked_at=duty.clock(), now=duty.clock()
        )
    assert test_reaching.SOURCE not in [one["source"] for one in newer.database_terms["rules"]]
