"""A snapshot comes back beside its original: what AWS would refuse is said before, made once whatever happens, and gone again.

Of AWS's own answers moto lacks the VPC of an option group, what makes of it InvalidParameterCombination, the classes, the quotas and
the time a database takes; config/simulator/makings.py gives them as AWS documents them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from accounts.domain.permissions import Role
from infra.domain.makings import Stock, Wish, fix_text, fixed, restore_troubles, wish_beside
from infra.domain.tagging import value_problem
from infra.models import DatabaseSnapshot
from infra.operations import database_removals, database_restores
from infra.operations.database_restores import Restore
from infra.queries.makings import source_of_snapshot, stock_of
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty
from tests.infra.operations.test_snapshotting import confirm, outcome, work
from tests.simulated import ask

OPTIONS = "karte-options"
REJECT = "operation.reject"


def other_network(duty: Duty) -> str:
    """A second VPC with its own subnet group "other"; gives the id of its security group."""
    ec2, rds = duty.console("ec2"), duty.console("rds")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    zones = zip("ac", ("10.9.1.0/24", "10.9.2.0/24"), strict=True)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=f"ap-northeast-1{zone}")["Subnet"]["SubnetId"]
        for zone, block in zones
    ]  # fmt: skip
    rds.create_db_subnet_group(DBSubnetGroupName="other", DBSubnetGroupDescription="x", SubnetIds=subnets)
    return str(ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc)["GroupId"])


def snapshot(duty: Duty, **fields: Any) -> DatabaseSnapshot:
    """Of a database whose option group is its own, and thus tied to its VPC; gives the snapshot as last looked at."""
    duty.aws.seed(databases=[{"id": "karte", "subnet_group": "main", "tags": {"Project": "emr"}, **fields}])
    rds = duty.console("rds")
    rds.create_option_group(
        OptionGroupName=OPTIONS, EngineName="mysql", MajorEngineVersion="8.0", OptionGroupDescription="x"
    )
    rds.modify_db_instance(DBInstanceIdentifier="karte", OptionGroupName=OPTIONS, ApplyImmediately=True)
    rds.create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier="toban-karte-1")
    return seen(duty)


def seen(duty: Duty) -> DatabaseSnapshot:
    duty.look()
    with tenant_scope(duty.aws.cast.tenant.id):
        found: DatabaseSnapshot = DatabaseSnapshot.objects.select_related("account").get(name="toban-karte-1")
        return found


def stock(duty: Duty, row: DatabaseSnapshot) -> Stock:
    with tenant_scope(duty.aws.cast.tenant.id):
        found = stock_of(row.account, row.region)
    assert found is not None
    return found


def proposed(duty: Duty, row: DatabaseSnapshot, name: str = "karte-try") -> Wish:
    original = duty.resource("karte")
    return wish_beside(source_of_snapshot(row), original.facts, original.type, stock(duty, row), name)


def enter(duty: Duty, row: DatabaseSnapshot, asked: Restore, **more: Any) -> Operation:
    who = duty.aws.cast.actor(Role.OPERATOR)
    return database_restores.enter_restore(
        row.id, asked, actor=who, now=duty.clock(), reason="四半期の復元試験", **more
    )


def restored(duty: Duty, row: DatabaseSnapshot, **more: Any) -> Operation:
    name = "toban-tmp-karte" if "until" in more else "karte-try"
    entered = enter(duty, row, Restore(proposed(duty, row, name), tags={"AutoStop": "19:00"}, **more))
    confirm(duty, entered, Role.APPROVER)
    return entered


def at_aws(duty: Duty, name: str) -> dict[str, Any]:
    found: dict[str, Any] = duty.console("rds").describe_db_instances(DBInstanceIdentifier=name)[
        "DBInstances"
    ][0]
    return found


def test_it_is_made_as_confirmed_and_waited_for(duty: Duty) -> None:
    row = snapshot(duty)
    ask("delays", {"account": duty.aws.number, "rds_make": 9000})
    entered = enter(duty, row, Restore(proposed(duty, row), tags={"AutoStop": "19:00", "Project": "emr"}))
    with pytest.raises(NotPermitted):
        confirm(duty, entered, Role.OPERATOR)
    confirm(duty, entered, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.restore")[0] == "RUNNING"
    assert duty.operations(kind="rds.restore")[-1].outcome_detail["aws_state"] == "creating"
    ask(f"settle?account={duty.aws.number}", {})
    work(duty)
    assert outcome(duty, "rds.restore") == ("SUCCEEDED", "database_restored")
    made = at_aws(duty, "karte-try")
    tags = {one["Key"]: one["Value"] for one in made["TagList"]}
    assert (tags["AutoStop"], tags["Project"], tags["toban:restored-from"]) == ("19:00", "emr", row.name)
    assert (made["DeletionProtection"], made["PubliclyAccessible"]) == (True, False)
    assert made["DBSubnetGroup"]["DBSubnetGroupName"] == "main"
    assert len(duty.sent("RestoreDBInstanceFromDBSnapshot")) == 1


def test_an_option_group_of_another_network_is_seen_before_the_call_and_its_fix_restores(duty: Duty) -> None:
    group = other_network(duty)
    row = snapshot(duty)
    wish = replace(proposed(duty, row), subnet_group="other", groups=(group,))
    assert wish.option_group == OPTIONS
    (trouble,) = restore_troubles(wish, source_of_snapshot(row), stock(duty, row))
    assert (trouble.code, trouble.at) == ("option_group_other_vpc", "option_group")
    with pytest.raises(Refused) as refused:
        enter(duty, row, Restore(wish))
    assert refused.value.code == "option_group_other_vpc"
    assert [fix_text(one).split("=")[0] for one in trouble.fixes] == ["option_group", "subnet_group"]
    better = [fixed(wish, fix_text(one)) for one in trouble.fixes]
    assert better[0].option_group == "default:mysql-8-0"
    assert better[1].subnet_group == "main"
    for number, one in enumerate(better):
        wanted = replace(one, aws_id=f"karte-try-{number}")
        assert restore_troubles(wanted, source_of_snapshot(row), stock(duty, row)) == []
        confirm(duty, enter(duty, row, Restore(wanted)), Role.APPROVER)
        work(duty)
        assert outcome(duty, "rds.restore") == ("SUCCEEDED", "database_restored")


def test_what_changed_since_it_was_entered_is_seen_right_before_the_call(duty: Duty) -> None:
    row = snapshot(duty)
    entered = enter(duty, row, Restore(proposed(duty, row)))
    duty.console("rds").delete_db_snapshot(DBSnapshotIdentifier=row.name)
    confirm(duty, entered, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.restore") == ("FAILED", "restore_snapshot_gone")
    assert duty.sent("RestoreDBInstanceFromDBSnapshot") == []
    assert (
        duty.region().database_terms_at is None
    )  # what was shown is old, and read anew with the next inventory


def anew(duty: Duty, row: DatabaseSnapshot) -> None:
    """The snapshot goes, and another one takes its name."""
    rds = duty.console("rds")
    rds.delete_db_snapshot(DBSnapshotIdentifier=row.name)
    rds.create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier=row.name)


def test_another_snapshot_that_took_the_name_since_is_not_restored_in_its_place(duty: Duty) -> None:
    row = snapshot(duty)
    entered = enter(duty, row, Restore(proposed(duty, row)))
    anew(duty, row)
    confirm(duty, entered, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.restore") == ("FAILED", "source_replaced")
    assert duty.sent("RestoreDBInstanceFromDBSnapshot") == []


def test_the_name_says_whether_it_stays(duty: Duty) -> None:
    row, until = snapshot(duty), duty.clock() + timedelta(days=2)
    for name, end in (("karte-try", until), ("toban-tmp-karte", None)):
        with pytest.raises(Refused, match="name_"):
            enter(duty, row, Restore(proposed(duty, row, name), until=end))


def test_one_for_a_while_that_is_confirmed_after_its_end_is_not_restored(duty: Duty) -> None:
    row = snapshot(duty)
    entered = enter(
        duty, row, Restore(proposed(duty, row, "toban-tmp-karte"), until=duty.clock() + timedelta(hours=2))
    )
    duty.clock.pass_(hours=3)
    confirm(duty, entered, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.restore") == ("FAILED", "test_end_over")
    assert duty.sent("RestoreDBInstanceFromDBSnapshot") == []


def test_one_that_came_too_late_to_be_waited_for_is_not_forgotten(duty: Duty) -> None:
    row = snapshot(duty)
    ask("delays", {"account": duty.aws.number, "rds_make": 9000})
    restored(duty, row, until=duty.clock() + timedelta(days=2))
    work(duty)
    duty.clock.pass_(hours=25)
    work(duty)
    assert outcome(duty, "rds.restore") == ("FAILED", "did_not_reach")
    ask(f"settle?account={duty.aws.number}", {})
    confirm(duty, over(duty), Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.remove") == ("SUCCEEDED", "database_removed")


def test_no_tag_is_sent_that_rds_would_refuse(duty: Duty) -> None:
    row = snapshot(duty)
    with pytest.raises(Refused, match="tag_value"):
        enter(duty, row, Restore(proposed(duty, row), tags={"Project": "電子カルテ（本番）"}))
    automated = DatabaseSnapshot(name="rds:karte-2026-11-26-03-05")
    sent = database_restores.request_of(
        automated, Restore(proposed(duty, row), tags={"Project": "電子カルテ"})
    )
    assert sent["DBSnapshotIdentifier"] == automated.name
    assert {"Key": "toban:restored-from", "Value": "karte-2026-11-26-03-05"} in sent["Tags"]
    assert not [one for one in sent["Tags"] if value_problem(one["Value"])]


def test_a_name_that_aws_would_refuse_is_refused_before(duty: Duty) -> None:
    row = snapshot(duty)
    for name in ("bad--id", "1abc", "x-", "karte", ""):
        with pytest.raises(Refused):
            enter(duty, row, Restore(replace(proposed(duty, row), aws_id=name)))


@pytest.mark.fault
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_answer_that_was_lost_is_settled_by_looking(duty: Duty, settings: Settings, done: bool) -> None:
    row = snapshot(duty)
    settings.AWS_READ_TIMEOUT_S = 1.0
    lost = {"apply_then_lose": True} if done else {"code": "InternalError", "status": 500}
    duty.aws.fault(match={"action": "RestoreDBInstanceFromDBSnapshot"}, times=1, **lost)
    restored(duty, row)
    work(duty, 5)
    assert outcome(duty, "rds.restore") == ("SUCCEEDED", "database_restored")
    made = [one["action"] for one in duty.aws.journal()]
    assert made.count("RestoreDBInstanceFromDBSnapshot") == 1


def test_one_of_that_name_that_somebody_made_meanwhile_is_not_taken_for_ours(duty: Duty) -> None:
    row = snapshot(duty)
    entered = enter(duty, row, Restore(proposed(duty, row)))
    duty.console("rds").restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="karte-try", DBSnapshotIdentifier=row.name, DBSubnetGroupName="main"
    )
    confirm(duty, entered, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.restore") == ("FAILED", "database_name_taken")


def over(duty: Duty) -> Operation:
    """The restore's time is over, and the clock has asked."""
    duty.clock.pass_(days=3)
    duty.look()
    (asked,) = duty.operations(kind="rds.remove")
    return asked


def test_one_for_a_while_asks_for_its_removal_and_goes_once_somebody_confirms(duty: Duty) -> None:
    row = snapshot(duty)
    restored(duty, row, until=duty.clock() + timedelta(days=2))
    work(duty)
    duty.look()
    assert duty.operations(kind="rds.remove") == []
    asked = over(duty)
    assert (asked.state, asked.parameters["final_snapshot"]) == ("ENTERED", "")
    duty.look()
    assert len(duty.operations(kind="rds.remove")) == 1
    assert duty.sent("DeleteDBInstance") == []
    confirm(duty, asked, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.remove") == ("SUCCEEDED", "database_removed")
    assert set(duty.aws.states()["rds"]) == {"karte"}


def test_one_to_which_aws_copied_its_tags_does_not_hide_it(duty: Duty) -> None:
    row = snapshot(duty)
    made = restored(duty, row, until=duty.clock() + timedelta(days=2))
    work(duty)
    rds = duty.console("rds")
    copied = [{"Key": "toban:operation", "Value": str(made.id)}]
    for name in ("karte-a", "karte-z"):
        rds.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier=name, DBSnapshotIdentifier=row.name, DBSubnetGroupName="main", Tags=copied
        )
    assert over(duty).parameters["aws_id"] == "toban-tmp-karte"


def test_turned_down_it_stays_and_is_asked_for_again_a_day_later(duty: Duty) -> None:
    row = snapshot(duty)
    restored(duty, row, until=duty.clock() + timedelta(days=2))
    work(duty)
    asked, approver = over(duty), duty.aws.cast.actor(Role.APPROVER)
    entry.reject(asked.id, actor=approver, now=duty.clock(), reason="まだ使う")
    duty.look()
    assert len(duty.operations(kind="rds.remove")) == 1
    duty.clock.pass_(days=1)
    duty.look()
    assert len(duty.operations(kind="rds.remove")) == 2
    assert "toban-tmp-karte" in duty.aws.states()["rds"]


def test_where_its_snapshot_is_gone_one_is_made_at_the_end(duty: Duty) -> None:
    row = snapshot(duty)
    restored(duty, row, until=duty.clock() + timedelta(days=2))
    work(duty)
    duty.console("rds").delete_db_snapshot(DBSnapshotIdentifier=row.name)
    asked = over(duty)
    assert asked.parameters["final_snapshot"].startswith("toban-final-toban-tmp-karte-")
    confirm(duty, asked, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.remove") == ("SUCCEEDED", "database_removed")
    kept = duty.console("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert [one["DBSnapshotIdentifier"] for one in kept] == [asked.parameters["final_snapshot"]]


def test_a_snapshot_that_goes_between_asking_and_removing_keeps_the_database(duty: Duty) -> None:
    row = snapshot(duty)
    restored(duty, row, until=duty.clock() + timedelta(days=2))
    work(duty)
    asked = over(duty)
    duty.console("rds").delete_db_snapshot(DBSnapshotIdentifier=row.name)
    confirm(duty, asked, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.remove") == ("FAILED", "final_snapshot_needed")
    assert "toban-tmp-karte" in duty.aws.states()["rds"]


def test_another_snapshot_that_took_its_name_holds_nothing_of_it(duty: Duty) -> None:
    row = snapshot(duty)
    restored(duty, row, until=duty.clock() + timedelta(days=2))
    work(duty)
    asked = over(duty)
    anew(duty, row)
    confirm(duty, asked, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.remove") == ("FAILED", "final_snapshot_needed")


def test_where_aws_makes_no_snapshot_at_the_end_nothing_is_removed_that_is_nowhere_else(duty: Duty) -> None:
    row = snapshot(duty)
    restored(duty, row, until=duty.clock() + timedelta(days=2))
    work(duty)
    duty.console("rds").delete_db_snapshot(DBSnapshotIdentifier=row.name)
    asked = over(duty)
    tags = {one["Key"]: one["Value"] for one in at_aws(duty, "toban-tmp-karte")["TagList"]}
    duty.console("rds").delete_db_instance(DBInstanceIdentifier="toban-tmp-karte", SkipFinalSnapshot=True)
    duty.aws.seed(databases=[{"id": "toban-tmp-karte", "state": "incompatible-restore", "tags": tags}])
    removed = len(duty.sent("DeleteDBInstance"))
    confirm(duty, asked, Role.APPROVER)
    work(duty)
    assert outcome(duty, "rds.remove") == ("FAILED", "no_final_snapshot")
    duty.look()
    with pytest.raises(Refused, match="no_final_snapshot"):
        database_removals.enter_removal(
            duty.resource("toban-tmp-karte").id,
            actor=duty.aws.cast.actor(Role.OPERATOR),
            now=duty.clock(),
            reason="x",
        )
    assert len(duty.sent("DeleteDBInstance")) == removed


def test_one_that_is_never_to_be_touched_by_then_stays_and_is_not_asked_for(duty: Duty) -> None:
    row = snapshot(duty)
    restored(duty, row, until=duty.clock() + timedelta(days=2))
    work(duty)
    asked = over(duty)
    duty.console("rds").add_tags_to_resource(
        ResourceName=at_aws(duty, "toban-tmp-karte")["DBInstanceArn"],
        Tags=[{"Key": "Toban", "Value": "never"}],
    )
    confirm(duty, asked, Role.APPROVER)
    work(duty)
    assert duty.sent("DeleteDBInstance") == []
    assert duty.operations(kind="rds.remove")[-1].outcome == "never_touch"
    duty.clock.pass_(days=2)
    duty.look()
    assert len(duty.operations(kind="rds.remove")) == 1
    with pytest.raises(Refused, match="never_touch"):
        database_removals.enter_removal(
            duty.resource("toban-tmp-karte").id,
            actor=duty.aws.cast.actor(Role.OPERATOR),
            now=duty.clock(),
            reason="x",
        )


def test_nothing_but_a_restore_for_a_while_is_removed(duty: Duty) -> None:
    row = snapshot(duty)
    restored(duty, row)
    work(duty)
    duty.look()
    for name in ("karte", "karte-try"):
        with pytest.raises(Refused) as refused:
            database_removals.enter_removal(
                duty.resource(name).id, actor=duty.aws.cast.actor(Role.OPERATOR), now=duty.clock(), reason="x"
            )
        assert refused.value.code == "not_a_test_restore"
