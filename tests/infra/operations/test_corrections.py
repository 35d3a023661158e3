"""What is found otherwise than the schedule holds is put right once, with its reason; a person's change mostly stands."""

from __future__ import annotations

import pytest

from infra.domain.schedule import State
from infra.operations import drafts
from infra.operations.overriding import Wanted
from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_brake import decide, limit
from tests.infra.operations.test_planning import WEEK, Planning, at, content, server_of


@pytest.fixture
def planning(duty: Duty) -> Planning:
    duty.clock.now = jst(2026, 11, 30, 8, 0)
    return Planning(duty)


def database(duty: Duty) -> str:
    [name] = duty.aws.seed(
        databases=[{"id": "karte-db", "state": "available", "tags": {"AutoStop": "19:00"}, "engine": "mysql"}]
    )["databases"]
    return str(name)


def stopped_by_toban(duty: Duty) -> str:
    name = database(duty)
    duty.clock.now = jst(2026, 11, 30, 18, 0)
    duty.look()
    duty.clock.now = jst(2026, 11, 30, 19, 0)
    duty.tick()
    duty.work_for(rounds=2, seconds=15)
    assert duty.aws.states()["rds"][name] == "stopped"
    return name


def causes(duty: Duty) -> list[str]:
    reasons = [one.authority["reason"].get("because", {}) for one in duty.operations(kind="rds.stop")]
    return [reason.get("code", "") for reason in reasons]


@pytest.mark.parametrize(("days", "cause"), [(0, "started_outside"), (7, "auto_restart")])
def test_a_database_that_runs_again_after_toban_stopped_it_is_stopped_again(
    duty: Duty, days: int, cause: str
) -> None:
    name = stopped_by_toban(duty)
    duty.clock.now = jst(2026, 11, 30, 21, 0)
    duty.clock.pass_(days=days)
    duty.tick()
    duty.console("rds").start_db_instance(DBInstanceIdentifier=name)
    duty.look()
    duty.tick()
    duty.work_for(rounds=2, seconds=15)
    assert duty.aws.states()["rds"][name] == "stopped"
    assert causes(duty)[-1] == cause
    before = len(duty.operations(kind="rds.stop"))
    duty.clock.pass_(seconds=400)
    duty.look()
    duty.tick()
    assert len(duty.operations(kind="rds.stop")) == before, "one change of state is corrected once"


def test_a_server_that_somebody_started_by_hand_stands_until_the_next_change(planning: Planning) -> None:
    duty = planning.duty
    server = server_of(planning, tags={"AutoStart": "08:30", "AutoStop": "19:00"}, state="stopped")
    at(planning, jst(2026, 11, 30, 20, 0))
    duty.look()
    duty.console("ec2").start_instances(InstanceIds=[server])
    duty.clock.pass_(seconds=400)
    duty.look()
    duty.tick()
    assert duty.operations() == []


@pytest.mark.parametrize(
    ("state", "hour", "kind"), [("running", 20, "ec2.stop"), ("stopped", 10, "ec2.start")]
)
def test_an_enforced_schedule_holds_its_state(planning: Planning, state: str, hour: int, kind: str) -> None:
    server_of(planning, tags={"Schedule": "強制"}, state=state)
    planning.published("強制", WEEK, enforced=True)
    at(planning, jst(2026, 11, 30, hour, 0))
    planning.duty.look()
    planning.duty.tick()
    planning.duty.clock.pass_(seconds=400)
    planning.duty.look()
    planning.duty.tick()
    [operation] = planning.duty.operations(policy="schedule")
    assert operation.kind == kind
    assert operation.authority["reason"]["because"]["code"] == "enforced"


def test_an_override_goes_before_an_enforced_schedule(planning: Planning) -> None:
    server = server_of(planning, tags={"Schedule": "強制"}, state="running")
    planning.published("強制", WEEK, enforced=True)
    at(planning, jst(2026, 11, 30, 10, 0))
    planning.duty.look()
    row = planning.row(server)
    planning.override(Wanted(State.RUNNING, jst(2026, 12, 1, 6, 0), resources=(row.id,)))
    planning.duty.tick()
    planning.duty.work()
    at(planning, jst(2026, 11, 30, 21, 0))
    planning.duty.tick()
    planning.duty.look()
    planning.duty.tick()
    assert planning.duty.operations(kind="ec2.stop") == []


def test_corrections_are_held_by_the_brake_as_everything_else(planning: Planning) -> None:
    duty = planning.duty
    duty.aws.seed(instances=[{"state": "running", "tags": {"Schedule": "強制"}}] * 4)
    planning.published("強制", WEEK, enforced=True)
    limit(duty, 50)
    at(planning, jst(2026, 11, 30, 20, 0))
    for _ in range(3):
        duty.look()
        duty.tick()
        duty.clock.pass_(seconds=400)
    assert duty.operations(kind="ec2.stop") == []
    [asked] = duty.operations(kind="round.release")
    assert asked.parameters["count"] == 4
    decide(duty, duty.clock())
    duty.tick()
    duty.work_for(rounds=1, seconds=10)
    stops = duty.operations(kind="ec2.stop")
    assert {(one.state, one.authority["reason"]["because"]["code"]) for one in stops} == {
        ("SUCCEEDED", "enforced")
    }


def test_a_server_that_is_put_right_while_its_schedule_is_changed_is_corrected_once(
    planning: Planning,
) -> None:
    duty = planning.duty
    server_of(planning, tags={"Schedule": "強制"}, state="running")
    schedule = planning.published("強制", WEEK, enforced=True)
    at(planning, jst(2026, 11, 30, 20, 0))
    duty.look()
    draft = drafts.save_draft(
        schedule, content(WEEK | {"end": "18:00"}, enforced=True), actor=planning.planner, now=duty.clock()
    )
    planning.publish(draft)
    duty.look()
    duty.tick()
    duty.tick()
    assert len(duty.operations(kind="ec2.stop")) == 1
