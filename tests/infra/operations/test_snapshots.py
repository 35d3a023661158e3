"""A snapshot at the stop of a database: one name per stop, the older one deleted only once the newer is complete."""

from __future__ import annotations

from uuid import uuid4

import pytest

from accounts.domain.permissions import Role
from infra.domain.schedule import Action
from infra.domain.snapshots import snapshot_name
from infra.models.schedule import Scope
from infra.operations import by_hand, drafts
from medical_audit.domain.errors import Refused
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_planning import WEEK, Planning, at, content
from tests.simulated import ask

TAGS = {"Schedule": "控え"}


@pytest.fixture
def planning(duty: Duty) -> Planning:
    """A database whose schedule asks for a snapshot, an hour before its stop."""
    duty.clock.now = jst(2026, 11, 30, 18, 0)
    planning = Planning(duty)
    planning.published("控え", WEEK, snapshot=True)
    duty.aws.seed(databases=[{"id": "karte", "tags": TAGS}])
    duty.look()
    return planning


def evening(planning: Planning, day: int, *, rounds: int = 1) -> Operation:
    """The stop of seven o'clock, and what is due after the look that follows it."""
    duty = planning.duty
    at(planning, jst(2026, 11, 30, 19, 0) if day == 30 else jst(2026, 12, day, 19, 0))
    duty.look()
    duty.tick()
    duty.work_for(rounds=rounds, seconds=10)
    duty.clock.pass_(minutes=5)
    duty.look()
    duty.work_for(rounds=2, seconds=20)
    return duty.operations(kind="rds.stop")[-1]


def morning(planning: Planning, day: int) -> None:
    at(planning, jst(2026, 12, day, 8, 30))
    planning.duty.morning()


def snapshots(planning: Planning) -> dict[str, str]:
    found = planning.duty.console("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    return {one["DBSnapshotIdentifier"]: one["Status"] for one in found}


def name_of(stop: Operation) -> str:
    return snapshot_name("karte", stop.id)


def test_the_stop_leaves_a_snapshot_with_its_own_name_and_marks_it(planning: Planning) -> None:
    stop = evening(planning, 30)
    assert (stop.state, stop.outcome, stop.outcome_detail["snapshot"]) == (
        "SUCCEEDED", "reached", name_of(stop),
    )  # fmt: skip
    assert snapshots(planning) == {name_of(stop): "available"}
    (shown,) = planning.duty.console("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert {"Key": "toban:database", "Value": "karte"} in shown["TagList"]


def test_the_next_stop_replaces_it_and_says_on_whose_authority(planning: Planning) -> None:
    first = evening(planning, 30)
    morning(planning, 1)
    second = evening(planning, 1)
    assert snapshots(planning) == {name_of(second): "available"}
    (prune,) = planning.duty.operations(kind="rds.prune")
    assert (prune.state, prune.outcome) == ("SUCCEEDED", "pruned")
    assert prune.parameters == {"aws_id": "karte", "snapshot": name_of(first), "newer": name_of(second)}
    assert prune.authority["source"] == "schedule:控え#1"
    assert planning.duty.sent("DeleteDBSnapshot") == [[name_of(first)]]


def test_the_older_one_is_kept_until_the_newer_is_complete(planning: Planning) -> None:
    first = evening(planning, 30)
    morning(planning, 1)
    ask("delays", {"account": planning.duty.aws.number, "rds_snapshot": 600})
    second = evening(planning, 1)
    assert snapshots(planning) == {name_of(first): "available", name_of(second): "creating"}
    (prune,) = planning.duty.operations(kind="rds.prune")
    assert (prune.state, prune.outcome) == ("CONFIRMED", "snapshot_not_complete")
    ask(f"settle?account={planning.duty.aws.number}", {})
    planning.duty.work_for(rounds=2, seconds=60)
    assert snapshots(planning) == {name_of(second): "available"}


@pytest.mark.parametrize(
    ("why", "code"), [("never", "tags_changed"), ("observe", "automation_off"), ("snapshot", "never_touch")]
)
def test_nothing_is_deleted_any_more_where_hands_are_kept_off_meanwhile(
    planning: Planning, why: str, code: str
) -> None:
    duty = planning.duty
    first = evening(planning, 30)
    morning(planning, 1)
    ask("delays", {"account": duty.aws.number, "rds_snapshot": 600})
    second = evening(planning, 1)
    if why == "observe":
        duty.switch("observe")
    else:
        rds = duty.console("rds")
        (database,) = rds.describe_db_instances()["DBInstances"]
        (older,) = rds.describe_db_snapshots(DBSnapshotIdentifier=name_of(first))["DBSnapshots"]
        arn = older["DBSnapshotArn"] if why == "snapshot" else database["DBInstanceArn"]
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "Toban", "Value": "never"}])
        duty.look()
    ask(f"settle?account={duty.aws.number}", {})
    duty.work_for(rounds=2, seconds=60)
    assert set(snapshots(planning)) == {name_of(first), name_of(second)}
    (prune,) = duty.operations(kind="rds.prune")
    assert (prune.state, prune.outcome) == ("CANCELLED", code)


def test_a_database_that_aws_starts_again_is_stopped_again_although_a_snapshot_was_deleted_since(
    planning: Planning,
) -> None:
    """The last word on a database is its last start or stop; deleting an old snapshot is none."""
    duty = planning.duty
    evening(planning, 30)
    morning(planning, 1)
    stop = evening(planning, 1)
    (prune,) = duty.operations(kind="rds.prune")
    assert prune.finished_at is not None
    assert stop.finished_at is not None
    assert prune.finished_at > stop.finished_at
    at(planning, jst(2026, 12, 8, 21, 0))
    duty.tick()
    duty.console("rds").start_db_instance(DBInstanceIdentifier="karte")
    duty.look()
    duty.tick()
    duty.work_for(rounds=2, seconds=20)
    assert duty.aws.states()["rds"]["karte"] == "stopped"
    assert len(duty.operations(kind="rds.stop", outcome="reached")) == 3


def test_without_a_newer_one_the_older_one_stays(planning: Planning) -> None:
    first = evening(planning, 30)
    morning(planning, 1)
    ask("delays", {"account": planning.duty.aws.number, "rds_snapshot": 600})
    second = evening(planning, 1)
    ask(f"settle?account={planning.duty.aws.number}", {})
    planning.duty.console("rds").delete_db_snapshot(DBSnapshotIdentifier=name_of(second))
    planning.duty.work_for(rounds=2, seconds=60)
    assert snapshots(planning) == {name_of(first): "available"}
    (prune,) = planning.duty.operations(kind="rds.prune")
    assert (prune.state, prune.outcome) == ("CANCELLED", "snapshot_kept")


def test_snapshots_that_people_made_are_never_deleted(planning: Planning) -> None:
    planning.duty.console("rds").create_db_snapshot(
        DBInstanceIdentifier="karte", DBSnapshotIdentifier="toban-karte-by-hand"
    )
    evening(planning, 30)
    morning(planning, 1)
    second = evening(planning, 1)
    assert snapshots(planning) == {"toban-karte-by-hand": "available", name_of(second): "available"}


@pytest.mark.fault
def test_a_used_up_quota_is_said_and_the_database_runs_on(planning: Planning) -> None:
    planning.duty.aws.fault(match={"action": "StopDBInstance"}, code="SnapshotQuotaExceeded", status=400)
    stop = evening(planning, 30)
    assert (stop.state, stop.outcome) == ("FAILED", "quota")
    assert planning.duty.aws.states()["rds"]["karte"] == "available"
    assert len(planning.duty.sent("StopDBInstance")) == 1


@pytest.mark.fault
def test_a_snapshot_of_an_earlier_try_is_enough_for_the_stop(planning: Planning) -> None:
    """The snapshot was made, the stop itself was not: the name is taken when it is tried again."""
    duty = planning.duty
    at(planning, jst(2026, 11, 30, 19, 0))
    duty.tick()
    (stop,) = duty.operations(kind="rds.stop")
    duty.console("rds").create_db_snapshot(DBInstanceIdentifier="karte", DBSnapshotIdentifier=name_of(stop))
    duty.work_for(rounds=1, seconds=10)
    assert duty.operations(kind="rds.stop")[0].outcome == "reached"
    assert duty.aws.states()["rds"]["karte"] == "stopped"
    assert list(snapshots(planning)) == [name_of(stop)]


@pytest.mark.fault
def test_a_tag_that_is_refused_does_not_undo_the_stop(planning: Planning) -> None:
    planning.duty.aws.fault(match={"action": "AddTagsToResource"}, code="AccessDenied", status=403)
    assert evening(planning, 30).outcome == "reached"


def test_a_schedule_with_snapshots_is_not_published_for_a_cluster(planning: Planning) -> None:
    schedule = planning.published("本番", WEEK)
    planning.duty.aws.seed(clusters=[{"id": "aurora", "tags": {"Schedule": "本番"}}])
    planning.duty.look()
    revision = drafts.save_draft(
        schedule, content(WEEK, snapshot=True), actor=planning.planner, now=planning.duty.clock(), seen=""
    )
    with pytest.raises(Refused) as refused:
        planning.publish(revision)
    assert (refused.value.code, refused.value.params["names"]) == ("snapshot_of_cluster", "aurora")


def test_a_cluster_that_comes_to_follow_it_later_is_a_finding_and_not_stopped(planning: Planning) -> None:
    planning.duty.aws.seed(clusters=[{"id": "aurora", "tags": TAGS}])
    evening(planning, 30)
    (finding,) = planning.duty.findings()["aurora"]
    assert finding.code == "unsupported_snapshot_of_cluster"
    assert planning.duty.aws.states()["clusters"] == {"aurora": "available"}


@pytest.mark.parametrize("options", [{"enforced": True}, {"stop_new": True}, {}], ids=str)
def test_nothing_stops_such_a_cluster_whatever_else_its_schedule_asks_for(
    planning: Planning, options: dict[str, bool]
) -> None:
    duty = planning.duty
    planning.published("写し付き", WEEK, snapshot=True, **options)
    at(planning, jst(2026, 11, 30, 20, 0))
    duty.aws.seed(clusters=[{"id": "aurora", "tags": {"Schedule": "写し付き"}}])
    for _ in range(3):
        duty.look()
        duty.tick()
        duty.work()
        duty.clock.pass_(minutes=10)
    at(planning, jst(2026, 12, 1, 19, 0))
    duty.look()
    duty.tick()
    duty.work_for(rounds=1, seconds=10)
    assert duty.operations(kind="cluster.stop") == []
    assert duty.aws.states()["clusters"] == {"aurora": "available"}


@pytest.mark.parametrize("scope", [Scope.RESOURCE, Scope.PROJECT, Scope.TENANT])
def test_such_a_schedule_is_not_assigned_to_a_cluster(planning: Planning, scope: Scope) -> None:
    schedule = planning.published("写し付き", WEEK, snapshot=True)
    planning.duty.aws.seed(clusters=[{"id": "aurora", "tags": {"Project": "emr"}}])
    planning.duty.look()
    key = {Scope.RESOURCE: str(planning.row("aurora").id), Scope.PROJECT: "emr", Scope.TENANT: ""}[scope]
    with pytest.raises(Refused) as refused:
        planning.assign(scope, key, schedule)
    assert (refused.value.code, refused.value.params["names"]) == ("snapshot_of_cluster", "aurora")


def test_an_order_by_hand_does_not_wait_for_the_deletion_of_an_old_snapshot(planning: Planning) -> None:
    """A new snapshot may take hours to complete; until then the old one waits, and nobody else."""
    evening(planning, 30)
    morning(planning, 1)
    ask("delays", {"account": planning.duty.aws.number, "rds_snapshot": 600})
    evening(planning, 1)
    [prune] = planning.duty.operations(kind="rds.prune")
    assert prune.state == "CONFIRMED"
    actor = planning.duty.aws.cast.actor(Role.OPERATOR)
    row = planning.row("karte")
    with tenant_scope(actor.tenant_id):
        seen = by_hand.preview(Action.START, [row.id], actor=actor, now=planning.duty.clock())
    assert seen.refused == ()
    ask(f"settle?account={planning.duty.aws.number}", {})


@pytest.mark.parametrize("database", ["karte", "K-1", "a" * 63])
def test_a_name_keeps_to_awss_rules(database: str) -> None:
    name = snapshot_name(database, uuid4())
    assert name[0].isalpha()
    assert name == name.lower()
    assert "--" not in name
    assert not name.endswith("-")
    assert len(name) <= 255
