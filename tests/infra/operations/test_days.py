"""Which days start servers, which do not, and that a schedule fires once whatever the hour and the machine's zone."""

from datetime import datetime

import pytest

from medical_audit.domain.states import State
from tests.infra.operations.duty import Duty, jst

WORKING = {
    "monday": jst(2026, 11, 30),
    "tuesday after a monday holiday": jst(2026, 11, 24),
    "tanabata is no holiday": jst(2026, 7, 7),
    "christmas is no holiday": jst(2026, 12, 25),
}
HOLIDAYS = {
    "monday": (jst(2026, 11, 23), "勤労感謝の日"),
    "day between two holidays": (jst(2026, 9, 22), "国民の休日"),
    "substitute": (jst(2027, 3, 22), "振替休日"),
    "thursday": (jst(2027, 2, 11), "建国記念の日"),
}


@pytest.mark.usefixtures("process_zone")
@pytest.mark.parametrize("at", WORKING.values(), ids=WORKING)
def test_a_server_tagged_half_past_eight_runs_on_a_working_day(duty: Duty, at: datetime) -> None:
    (one,) = duty.aws.seed(instances=[{"tags": {"AutoStart": "08:30"}}])["instances"]
    duty.clock.now = at
    duty.morning()
    assert duty.aws.states()["ec2"][one] == "running"
    (operation,) = duty.operations()
    assert (operation.state, operation.due_at) == (State.SUCCEEDED, at)


@pytest.mark.usefixtures("process_zone")
@pytest.mark.parametrize(("at", "name"), HOLIDAYS.values(), ids=HOLIDAYS)
def test_no_server_starts_on_a_holiday_and_the_record_names_the_day(
    duty: Duty, at: datetime, name: str
) -> None:
    (one,) = duty.aws.seed(instances=[{"tags": {"AutoStart": "08:30"}}])["instances"]
    duty.clock.now = at
    duty.look()
    assert duty.tick().skipped == 1
    duty.clock.pass_(minutes=10)
    assert duty.tick().skipped == 0
    assert duty.work() == 0
    assert duty.aws.states()["ec2"][one] == "stopped"
    (event,) = duty.events("schedule.skipped")
    assert event["detail"]["because"] == {"code": "holiday", "day": at.date().isoformat(), "name": name}
    assert event["detail"]["action"] == "ec2.start"
    assert event["subject"]["name"] == one


@pytest.mark.parametrize("at", [jst(2026, 11, 23, 19, 0), jst(2026, 11, 28, 19, 0), jst(2026, 11, 29, 19, 0)],
                         ids=["holiday", "saturday", "sunday"])  # fmt: skip
def test_a_server_stops_on_every_day(duty: Duty, at: datetime) -> None:
    tags = {"AutoStart": "08:30", "AutoStop": "19:00"}
    (one,) = duty.aws.seed(instances=[{"state": "running", "tags": tags}])["instances"]
    duty.clock.now = at
    duty.morning()
    assert duty.aws.states()["ec2"][one] == "stopped"


def test_a_weekend_start_is_neither_done_nor_recorded(duty: Duty) -> None:
    duty.aws.seed(instances=[{"tags": {"AutoStart": "08:30"}}])
    duty.clock.now = jst(2026, 11, 28)
    duty.look()
    assert duty.tick().resources == 0
    assert duty.events("schedule.skipped") == []


@pytest.mark.usefixtures("process_zone")
def test_schedules_on_both_sides_of_midnight_fire_exactly_once(duty: Duty) -> None:
    before, after = duty.aws.seed(
        instances=[{"tags": {"AutoStart": "23:58"}}, {"tags": {"AutoStart": "00:02"}}]
    )["instances"]
    duty.clock.now = jst(2026, 11, 30, 23, 50)
    duty.look()
    for _ in range(30):
        duty.tick()
        duty.work()
        duty.clock.pass_(minutes=1)
    duty.look()
    duty.tick()
    assert [(one.parameters["aws_id"], one.due_at, one.state) for one in duty.operations()] == [
        (before, jst(2026, 11, 30, 23, 58), State.SUCCEEDED),
        (after, jst(2026, 12, 1, 0, 2), State.SUCCEEDED),
    ]
    assert duty.sent("StartInstances") == [[before], [after]]
