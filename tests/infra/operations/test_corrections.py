"""What is found otherwise than the schedule holds is put right once, with its reason; a person's change mostly stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from infra.domain.schedule import State
from infra.models import Resource
from infra.operations import drafts
from infra.operations.overriding import Wanted
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_brake import decide, limit
from tests.infra.operations.test_planning import WEEK, Planning, at, content, server_of
from tests.simulated import ask


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


def test_a_database_that_somebody_started_in_aws_stands_until_the_next_change(duty: Duty) -> None:
    """Design §3: only an enforced schedule undoes what people do."""
    name = stopped_by_toban(duty)
    duty.clock.now = jst(2026, 11, 30, 21, 0)
    duty.console("rds").start_db_instance(DBInstanceIdentifier=name)
    duty.look()
    duty.tick()
    assert len(duty.operations(kind="rds.stop")) == 1
    duty.clock.now = jst(2026, 12, 1, 19, 0)
    duty.tick()
    duty.work_for(rounds=2, seconds=15)
    assert duty.aws.states()["rds"][name] == "stopped"


def test_a_database_that_aws_started_after_seven_days_is_stopped_again(duty: Duty) -> None:
    name = stopped_by_toban(duty)
    duty.clock.now = jst(2026, 11, 30, 21, 0)
    duty.clock.pass_(days=7)
    duty.tick()
    duty.console("rds").start_db_instance(DBInstanceIdentifier=name)
    duty.look()
    duty.tick()
    duty.work_for(rounds=2, seconds=15)
    assert duty.aws.states()["rds"][name] == "stopped"
    assert causes(duty)[-1] == "auto_restart"
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


@pytest.mark.fault
def test_what_failed_is_tried_again_ever_more_seldom_while_it_stays_wrong(planning: Planning) -> None:
    """A missing right is mended some time; until then nobody is told every ten minutes."""
    duty = planning.duty
    server = server_of(planning, tags={"Schedule": "強制"}, state="running")
    planning.published("強制", WEEK, enforced=True)
    duty.aws.fault(match={"action": "StopInstances"}, code="UnauthorizedOperation", status=403)
    at(planning, jst(2026, 12, 4, 20, 0))
    tries = []
    for _ in range(8 * 6):
        duty.look()
        duty.tick()
        duty.work()
        tries.append(len(duty.operations(kind="ec2.stop")))
        duty.clock.pass_(minutes=10)
    assert {one.outcome for one in duty.operations(kind="ec2.stop")} == {"permission"}
    assert [tries.index(number) // 6 for number in (1, 2, 3, 4)] == [0, 1, 3, 7], "hours after the first"
    duty.aws.no_faults()
    duty.clock.pass_(hours=8)
    duty.look()
    duty.tick()
    duty.work_for(rounds=2, seconds=10)
    assert duty.aws.states()["ec2"][server] == "stopped"


def test_what_a_person_decided_against_is_not_asked_again_for_the_same_state(planning: Planning) -> None:
    duty = planning.duty
    duty.aws.seed(instances=[{"state": "running", "tags": {"Schedule": "強制"}}] * 4)
    planning.published("強制", WEEK, enforced=True)
    limit(duty, 50)
    at(planning, jst(2026, 12, 4, 20, 0))
    duty.look()
    duty.tick()
    [asked] = duty.operations(kind="round.release")
    who = duty.aws.cast.actor(Role.APPROVER)
    entry.reject(asked.id, actor=who, now=duty.clock(), reason="そのまま")
    for _ in range(30):
        duty.clock.pass_(minutes=10)
        duty.look()
        duty.tick()
    assert {one.outcome for one in duty.operations(kind="ec2.stop")} == {"brake_not_released"}
    assert len(duty.operations(kind="round.release")) == 1


def test_a_right_that_is_missing_for_two_months_never_spoils_a_look(planning: Planning) -> None:
    duty = planning.duty
    server_of(planning, tags={"Schedule": "強制"}, state="running")
    planning.published("強制", WEEK | {"weekdays": "mon"}, enforced=True)
    duty.aws.fault(match={"action": "StopInstances"}, code="UnauthorizedOperation", status=403)
    at(planning, jst(2026, 12, 1, 20, 0))
    for _ in range(45):
        duty.look()
        duty.tick()
        duty.work()
        duty.clock.pass_(hours=25)
    assert duty.region().inventory_at == duty.clock() - timedelta(hours=25)
    assert len(duty.operations(kind="ec2.stop")) > 20


def test_a_start_that_aws_takes_back_is_tried_ever_more_seldom(planning: Planning) -> None:
    """On its way it is seen as starting, and then stopped since a moment ago: that is no new state to be put right."""
    duty = planning.duty
    server = server_of(planning, tags={"Schedule": "強制"}, state="stopped")
    planning.published("強制", WEEK, enforced=True)
    at(planning, jst(2026, 11, 30, 10, 0))
    ask("marks", {"id": server, "bounce": "Client.InvalidKMSKey.InvalidState"})
    for _ in range(18):
        duty.look()
        duty.tick()
        duty.work()
        with duty.as_role("worker"), tenant_scope(duty.aws.cast.tenant.id):
            Resource.objects.update(state_since=duty.clock())
        duty.work_for(rounds=2, seconds=35)
        duty.clock.pass_(seconds=530)
    assert len(duty.operations(kind="ec2.start")) == 2, "in three hours"


def test_the_seventh_day_is_counted_from_the_stop_and_not_from_stops_that_found_it_so(duty: Duty) -> None:
    """Every evening of a long closure a stop is due, and finds it stopped already."""
    name = stopped_by_toban(duty)
    for day in range(1, 7):
        duty.clock.now = jst(2026, 12, day, 19, 0)
        duty.tick()
        duty.work_for(rounds=1, seconds=15)
    assert [one.outcome for one in duty.operations(kind="rds.stop")] == ["reached", *["already"] * 6]
    duty.clock.now = jst(2026, 12, 7, 19, 40)
    duty.tick()
    duty.work_for(rounds=1, seconds=15)
    duty.console("rds").start_db_instance(DBInstanceIdentifier=name)
    duty.look()
    duty.tick()
    duty.work_for(rounds=2, seconds=15)
    assert duty.aws.states()["rds"][name] == "stopped"
    assert causes(duty)[-1] == "auto_restart"
