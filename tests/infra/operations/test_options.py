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


def test_a_server_is_asked_to_hibernate_and_stops(planning: Planning) -> None:
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
