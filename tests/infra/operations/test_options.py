"""What a schedule's options change: what ran before is left on, servers wait for their databases, some hibernate."""

from __future__ import annotations

import pytest

from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_planning import WEEK, Planning, at, server_of


@pytest.fixture
def planning(duty: Duty) -> Planning:
    duty.clock.now = jst(2026, 11, 30, 8, 0)
    return Planning(duty)


def test_what_ran_already_when_its_hours_began_is_left_on(planning: Planning) -> None:
    tags = {"Schedule": "残す"}
    early, late = planning.duty.aws.seed(
        instances=[{"tags": tags, "state": "running"}, {"tags": tags, "state": "stopped"}]
    )["instances"]
    planning.published("残す", WEEK, retain_running=True)
    planning.duty.look()
    for hour, minute in ((8, 30), (19, 0)):
        at(planning, jst(2026, 11, 30, hour, minute))
        planning.duty.tick()
        planning.duty.work_for(rounds=2, seconds=10)
    states = planning.duty.aws.states()["ec2"]
    assert (states[early], states[late]) == ("running", "stopped")
    ends = {one.parameters["aws_id"]: one.outcome for one in planning.duty.operations(kind="ec2.stop")}
    assert ends == {early: "retained", late: "reached"}


def test_servers_start_after_their_databases_and_stop_before_them(planning: Planning) -> None:
    tags = {"Schedule": "順番", "Project": "emr"}
    server = server_of(planning, tags=tags, state="stopped")
    planning.duty.aws.seed(
        databases=[{"id": "emr-db", "engine": "mysql", "state": "stopped", "tags": tags}],
        delays={"rds_start": 60, "rds_stop": 0},
    )
    planning.published("順番", WEEK, ordered=True)
    planning.duty.look()
    at(planning, jst(2026, 11, 30, 8, 30))
    planning.duty.tick()
    planning.duty.work_for(rounds=2, seconds=16)
    assert planning.duty.aws.states()["ec2"][server] == "stopped"
    [start] = planning.duty.operations(kind="ec2.start")
    assert (start.state, start.outcome) == ("CONFIRMED", "waits_for_databases")


def test_a_server_hibernates_and_its_end_says_so(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "休止"}, state="running", hibernation=True)
    planning.published("休止", WEEK, hibernate=True)
    at(planning, jst(2026, 11, 30, 18, 0))
    planning.duty.look()
    at(planning, jst(2026, 11, 30, 19, 0))
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)
    assert planning.duty.aws.states()["ec2"][server] == "stopped"
    [operation] = planning.duty.operations(kind="ec2.stop")
    assert operation.parameters["hibernate"] is True
    assert (operation.state, operation.outcome) == ("SUCCEEDED", "hibernated")


def test_a_start_that_only_put_it_right_says_nothing_of_what_ran_before(planning: Planning) -> None:
    """Stopped before its hours, started by them, stopped by hand, and a correction that found it running again."""
    tags = {"Schedule": "残す強制"}
    server = server_of(planning, tags=tags, state="stopped")
    planning.published("残す強制", WEEK, retain_running=True, enforced=True)
    planning.duty.look()
    at(planning, jst(2026, 11, 30, 8, 30))
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)
    planning.duty.console("ec2").stop_instances(InstanceIds=[server])
    at(planning, jst(2026, 11, 30, 10, 0))
    planning.duty.look()
    planning.duty.tick()
    planning.duty.console("ec2").start_instances(InstanceIds=[server])
    planning.duty.work()
    starts = planning.duty.operations(kind="ec2.start")
    assert [one.outcome for one in starts] == ["reached", "already"]
    at(planning, jst(2026, 11, 30, 19, 0))
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)
    [stop] = planning.duty.operations(kind="ec2.stop")
    assert (stop.state, stop.outcome) == ("SUCCEEDED", "reached")


def test_a_database_waits_for_a_server_of_which_nothing_is_known_but_not_for_ever(planning: Planning) -> None:
    tags = {"Schedule": "順番", "Project": "emr"}
    duty = planning.duty
    server_of(planning, tags={**tags, "Name": "web-1"}, state="running")
    duty.aws.seed(databases=[{"id": "emr-db", "engine": "mysql", "state": "available", "tags": tags}])
    planning.published("順番", WEEK, ordered=True)
    at(planning, jst(2026, 11, 30, 18, 0))
    duty.look()
    at(planning, jst(2026, 11, 30, 19, 0))
    duty.tick()
    duty.aws.fault(match={"action": "StopInstances"}, reset=True)
    duty.aws.fault(match={"action": "DescribeInstances"}, after=1, code="UnauthorizedOperation", status=403)
    duty.work()
    [stop] = duty.operations(kind="rds.stop")
    assert (stop.state, stop.outcome) == ("CONFIRMED", "waits_for_servers")
    assert stop.outcome_detail == {"waits_for": ["web-1"]}
    at(planning, jst(2026, 11, 30, 19, 31))
    duty.work_for(rounds=3, seconds=20)
    [stop] = duty.operations(kind="rds.stop")
    assert (stop.state, stop.outcome) == ("SUCCEEDED", "reached")
    called = [one for one in duty.events("operation.called") if one["detail"]["kind"] == "rds.stop"]
    assert called[0]["detail"]["detail"] == {"did_not_wait_for": ["web-1"]}


def evening_of(planning: Planning) -> None:
    """Look before seven, and let the stop of seven o'clock be carried out."""
    at(planning, jst(2026, 11, 30, 18, 0))
    planning.duty.look()
    at(planning, jst(2026, 11, 30, 19, 0))
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)


def test_one_that_was_not_launched_for_hibernation_stops_and_says_so(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "休止"}, state="running")
    planning.published("休止", WEEK, hibernate=True)
    evening_of(planning)
    [operation] = planning.duty.operations(kind="ec2.stop")
    assert (operation.state, operation.outcome) == ("SUCCEEDED", "stopped_unprepared")
    assert planning.duty.aws.states()["ec2"][server] == "stopped"


@pytest.mark.fault
def test_one_that_aws_does_not_let_hibernate_stops_and_says_why(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "休止"}, state="running", hibernation=True)
    planning.published("休止", WEEK, hibernate=True)
    planning.duty.aws.fault(
        match={"action": "StopInstances", "body": "Hibernate=true"}, code="UnsupportedHibernationConfiguration",
        message="It has been running for longer than 60 days",
    )  # fmt: skip
    evening_of(planning)
    [operation] = planning.duty.operations(kind="ec2.stop")
    assert (operation.state, operation.outcome) == ("SUCCEEDED", "stopped_instead")
    assert operation.outcome_detail["message"] == "It has been running for longer than 60 days"
    assert planning.duty.aws.states()["ec2"][server] == "stopped"
