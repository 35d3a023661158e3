"""A person's snapshot of a database: made once however often it is tried; deleted by two people, and only if Toban made it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from accounts.domain.permissions import Role
from infra.models import DatabaseSnapshot
from infra.operations import snapshotting
from infra.operations.database_rounds import LANE_CLASS
from infra.queries.database_pages import list_snapshots
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.execution import drain_lane
from medical_audit.queries.paging import Cursors
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.infra.operations.duty import Duty
from tests.simulated import ask

NAME = "toban-karte-before-update"


def seeded(duty: Duty, **fields: Any) -> UUID:
    duty.aws.seed(databases=[{"id": "karte", **fields}])
    duty.look()
    return duty.resource("karte").id


def confirm(duty: Duty, entered: Operation, role: Role) -> None:
    who = duty.aws.cast.actor(role)
    entry.confirm(
        entered.id, actor=who, now=duty.clock(), seen_digest=entered.digest, proof=proof(who, duty.clock())
    )


def enter(duty: Duty, database: UUID, name: str = NAME, **more: Any) -> Operation:
    who = duty.aws.cast.actor(Role.OPERATOR)
    return snapshotting.enter_snapshot(database, name, actor=who, now=duty.clock(), reason="更新の前", **more)


def ordered(duty: Duty, database: UUID) -> None:
    confirm(duty, enter(duty, database), Role.OPERATOR)


def work(duty: Duty, rounds: int = 3) -> None:
    for _ in range(rounds):
        with duty.as_role("worker"):
            drain_lane(
                duty.aws.cast.tenant.id, f"{duty.aws.lane}/{LANE_CLASS}", worker="test", clock=duty.clock
            )
        duty.clock.pass_(seconds=61)


def outcome(duty: Duty, kind: str) -> tuple[str, str]:
    operation = duty.operations(kind=kind)[-1]
    return str(operation.state), operation.outcome


def at_aws(duty: Duty) -> dict[str, str]:
    found = duty.console("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    return {one["DBSnapshotIdentifier"]: one["Status"] for one in found}


def row(duty: Duty, name: str = NAME) -> DatabaseSnapshot:
    with tenant_scope(duty.aws.cast.tenant.id):
        found: DatabaseSnapshot = DatabaseSnapshot.objects.select_related("account").get(name=name)
        return found


def test_it_is_made_waited_for_and_stands_on_the_page_at_once(duty: Duty) -> None:
    database = seeded(duty)
    ask("delays", {"account": duty.aws.number, "rds_snapshot": 9000})
    ordered(duty, database)
    work(duty)
    assert outcome(duty, snapshotting.MAKE)[0] == "RUNNING"
    assert row(duty).state == "creating"
    ask(f"settle?account={duty.aws.number}", {})
    work(duty)
    assert outcome(duty, snapshotting.MAKE) == ("SUCCEEDED", "snapshot_made")
    assert (row(duty).state, row(duty).database) == ("available", "karte")
    assert duty.sent("CreateDBSnapshot") == [["karte", NAME]]


@pytest.mark.fault
@pytest.mark.parametrize("done", [True, False], ids=["done", "not done"])
def test_an_answer_that_was_lost_is_settled_by_looking(duty: Duty, settings: Settings, done: bool) -> None:
    database = seeded(duty)
    settings.AWS_READ_TIMEOUT_S = 1.0
    lost = {"apply_then_lose": True} if done else {"code": "InternalError", "status": 500}
    duty.aws.fault(match={"action": "CreateDBSnapshot"}, times=1, **lost)
    ordered(duty, database)
    work(duty, 5)
    assert outcome(duty, snapshotting.MAKE) == ("SUCCEEDED", "snapshot_made")
    assert at_aws(duty) == {NAME: "available"}


@pytest.mark.parametrize(
    ("fields", "name", "code"),
    [
        ({"state": "stopped"}, NAME, "snapshot_needs_running"),
        ({"state": "incompatible-network"}, NAME, "snapshot_of_stuck"),
        ({"engine": "aurora-mysql", "cluster": "c1"}, NAME, "no_snapshot_of_cluster"),
        ({}, "toban-a--b", "name_double_hyphen"),
        ({}, "karte-copy", "snapshot_prefix"),  # the role may make and delete only what begins with toban-
    ],
)
def test_what_aws_would_refuse_is_refused_before_it_is_entered(
    duty: Duty, fields: dict[str, Any], name: str, code: str
) -> None:
    database = seeded(duty, **fields)
    with pytest.raises(Refused) as refused:
        enter(duty, database, name)
    assert refused.value.code == code
    assert duty.sent("CreateDBSnapshot") == []


def test_a_name_that_somebody_took_meanwhile_is_not_taken_for_ours(duty: Duty) -> None:
    database = seeded(duty)
    entered = enter(duty, database)
    duty.console("rds").create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier=NAME)
    confirm(duty, entered, Role.OPERATOR)
    work(duty)
    assert outcome(duty, snapshotting.MAKE) == ("FAILED", "snapshot_name_taken")
    assert duty.sent("CreateDBSnapshot") == [["karte", NAME]]  # the one of the console


def test_one_form_stands_for_one_snapshot(duty: Duty) -> None:
    database = seeded(duty)
    first = enter(duty, database, token="a" * 32)
    assert enter(duty, database, token="a" * 32).id == first.id


def test_it_is_deleted_by_two_people_and_once(duty: Duty) -> None:
    ordered(duty, seeded(duty))
    work(duty)
    operator = duty.aws.cast.actor(Role.OPERATOR)
    entered = snapshotting.enter_deletion(row(duty).id, actor=operator, now=duty.clock(), reason="不要")
    with pytest.raises(NotPermitted):
        confirm(duty, entered, Role.OPERATOR)
    work(duty)
    assert at_aws(duty) == {NAME: "available"}
    confirm(duty, entered, Role.APPROVER)
    work(duty)
    assert outcome(duty, snapshotting.DELETE) == ("SUCCEEDED", "snapshot_deleted")
    assert at_aws(duty) == {}
    assert row(duty).gone_at is not None
    assert len(duty.sent("DeleteDBSnapshot")) == 1


def test_one_that_somebody_wants_kept_for_ever_is_not_deleted_though_it_was_confirmed(duty: Duty) -> None:
    ordered(duty, seeded(duty))
    work(duty)
    operator = duty.aws.cast.actor(Role.OPERATOR)
    entered = snapshotting.enter_deletion(row(duty).id, actor=operator, now=duty.clock(), reason="不要")
    duty.console("rds").add_tags_to_resource(
        ResourceName=row(duty).facts["arn"], Tags=[{"Key": "Toban", "Value": "never"}]
    )
    confirm(duty, entered, Role.APPROVER)
    work(duty)
    assert outcome(duty, snapshotting.DELETE) == ("CANCELLED", "never_touch")
    assert at_aws(duty) == {NAME: "available"}
    with pytest.raises(Refused, match="never_touch"):
        snapshotting.enter_deletion(row(duty).id, actor=operator, now=duty.clock(), reason="不要")


def test_another_one_that_took_its_name_since_is_not_deleted_in_its_place(duty: Duty) -> None:
    ordered(duty, seeded(duty))
    work(duty)
    operator = duty.aws.cast.actor(Role.OPERATOR)
    entered = snapshotting.enter_deletion(row(duty).id, actor=operator, now=duty.clock(), reason="不要")
    rds = duty.console("rds")
    rds.delete_db_snapshot(DBSnapshotIdentifier=NAME)
    rds.create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier=NAME)
    confirm(duty, entered, Role.APPROVER)
    work(duty)
    assert outcome(duty, snapshotting.DELETE) == ("CANCELLED", "snapshot_replaced")
    assert at_aws(duty) == {NAME: "available"}


def test_what_people_made_elsewhere_is_not_ours_to_delete(duty: Duty) -> None:
    seeded(duty)
    duty.console("rds").create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier="by-hand")
    duty.clock.pass_(hours=2)
    duty.look()
    with pytest.raises(Refused) as refused:
        snapshotting.enter_deletion(
            row(duty, "by-hand").id, actor=duty.aws.cast.actor(Role.OPERATOR), now=duty.clock(), reason="x"
        )
    assert refused.value.code == "snapshot_not_ours"


def test_the_last_copy_of_a_database_is_told_as_such(duty: Duty) -> None:
    ordered(duty, seeded(duty))
    work(duty)
    with tenant_scope(duty.aws.cast.tenant.id):
        assert not snapshotting.last_copy(row(duty))
    duty.console("rds").delete_db_instance(DBInstanceIdentifier="karte", SkipFinalSnapshot=True)
    duty.look()
    operator = duty.aws.cast.actor(Role.OPERATOR)
    entered = snapshotting.enter_deletion(row(duty).id, actor=operator, now=duty.clock(), reason="廃止")
    assert entered.parameters["last_copy"] is True
    assert entered.shown["last_copy"] is True


def test_what_became_the_last_copy_of_a_database_since_it_was_entered_stays(duty: Duty) -> None:
    seeded(duty)
    rds = duty.console("rds")
    names = [f"toban-karte-{number}" for number in (1, 2)]
    for name in names:
        rds.create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier=name)
    duty.clock.pass_(hours=2)
    duty.look()
    operator = duty.aws.cast.actor(Role.OPERATOR)
    entered = [
        snapshotting.enter_deletion(row(duty, name).id, actor=operator, now=duty.clock(), reason="整理")
        for name in names
    ]
    rds.delete_db_instance(DBInstanceIdentifier="karte", SkipFinalSnapshot=True)
    for one in entered:
        assert one.shown["last_copy"] is False
        confirm(duty, one, Role.APPROVER)
    work(duty)
    assert len(at_aws(duty)) == 1
    outcomes = sorted(one.outcome for one in duty.operations(kind=snapshotting.DELETE))
    assert outcomes == ["snapshot_deleted", "snapshot_last_copy"]


def test_a_new_database_of_the_same_name_is_not_the_one_that_the_last_copy_is_of(duty: Duty) -> None:
    ordered(duty, seeded(duty))
    work(duty)
    duty.clock.pass_(hours=2)
    duty.look()
    operator = duty.aws.cast.actor(Role.OPERATOR)
    first = snapshotting.enter_deletion(row(duty).id, actor=operator, now=duty.clock(), reason="整理")
    assert first.parameters["last_copy"] is False
    duty.console("rds").delete_db_instance(DBInstanceIdentifier="karte", SkipFinalSnapshot=True)
    duty.console("rds").create_db_instance(
        DBInstanceIdentifier="karte", DBInstanceClass="db.t3.medium", Engine="mysql", AllocatedStorage=20,
        MasterUsername="admin", MasterUserPassword="not-a-secret",
    )  # fmt: skip
    duty.console("rds").create_db_snapshot(
        DBInstanceIdentifier="karte", DBSnapshotIdentifier="toban-karte-new"
    )
    confirm(duty, first, Role.APPROVER)
    work(duty)
    assert outcome(duty, snapshotting.DELETE) == ("CANCELLED", "snapshot_last_copy")
    duty.look()
    again = snapshotting.enter_deletion(row(duty).id, actor=operator, now=duty.clock(), reason="整理")
    assert again.parameters["last_copy"] is True
    with tenant_scope(duty.aws.cast.tenant.id):
        assert [one.name for one in list_snapshots(True, "", Cursors(), actor=operator).rows] == [NAME]
