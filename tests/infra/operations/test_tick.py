"""The tick: late, doubled, interrupted, with the clock put back; what is due is entered once and only while it makes sense."""

import threading
from datetime import timedelta

import pytest
from django.db import connection

from infra.operations.tick import Ticked, tick
from medical_audit.domain.states import State
from tests.conftest import AsRole
from tests.infra.operations.duty import Duty, jst, stranger_cast
from tests.simulated import Clock, make_account

DAY = {"AutoStart": "08:30", "AutoStop": "19:00"}


def planted(duty: Duty, state: str = "stopped", **tags: str) -> str:
    """One instance, looked at before its times."""
    (one,) = duty.aws.seed(instances=[{"state": state, "tags": tags or DAY}])["instances"]
    duty.clock.now = jst(2026, 11, 30, 8, 0)
    duty.look()
    return str(one)


def test_a_tick_twenty_minutes_late_still_acts(duty: Duty) -> None:
    one = planted(duty)
    duty.clock.now = jst(2026, 11, 30, 8, 50)
    duty.tick()
    duty.work()
    (operation,) = duty.operations()
    assert (operation.state, operation.due_at) == (State.RUNNING, jst(2026, 11, 30, 8, 30))
    assert duty.effects(one) == ["StartInstances"]


@pytest.mark.parametrize(("minutes", "entered"), [(60, State.CONFIRMED), (61, State.MISSED)])
def test_the_grace_ends_after_sixty_minutes(duty: Duty, minutes: int, entered: State) -> None:
    planted(duty)
    duty.clock.now = jst(2026, 11, 30) + timedelta(minutes=minutes)
    duty.tick()
    (operation,) = duty.operations()
    assert operation.state == entered
    if entered == State.MISSED:
        assert operation.outcome == "grace_passed"
        assert [event["outcome"] for event in duty.events("operation.missed")] == ["failed"]
        assert duty.work() == 0


def test_after_an_outage_over_start_and_stop_only_the_stop_is_done(duty: Duty) -> None:
    one = planted(duty, AutoStart="08:30", AutoStop="13:00")
    duty.console("ec2").start_instances(InstanceIds=[one])
    duty.clock.now = jst(2026, 11, 30, 13, 30)
    duty.tick()
    duty.work_for(rounds=1, seconds=10)
    assert [(row.kind, row.state, row.outcome) for row in duty.operations()] == [
        ("ec2.start", State.MISSED, "grace_passed"),
        ("ec2.stop", State.SUCCEEDED, "reached"),
    ]
    assert duty.effects(one) == ["StartInstances", "StopInstances"]


def test_what_a_later_time_has_overtaken_within_the_grace_is_superseded(duty: Duty) -> None:
    planted(duty, AutoStart="08:30", AutoStop="09:00")
    duty.clock.now = jst(2026, 11, 30, 9, 10)
    duty.tick()
    duty.work()
    assert [(row.kind, row.state, row.outcome) for row in duty.operations()] == [
        ("ec2.start", State.MISSED, "superseded"),
        ("ec2.stop", State.SUCCEEDED, "already"),
    ]
    assert duty.sent("StartInstances") == []


def test_what_waited_in_the_queue_past_its_counterpart_is_dropped(duty: Duty) -> None:
    """Entered in time, but no worker came until the stop was due too."""
    planted(duty, AutoStart="08:30", AutoStop="09:00")
    duty.clock.now = jst(2026, 11, 30, 8, 31)
    duty.tick()
    duty.clock.now = jst(2026, 11, 30, 9, 1)
    duty.tick()
    duty.work()
    assert [(row.kind, row.state, row.outcome) for row in duty.operations()] == [
        ("ec2.start", State.CANCELLED, "superseded"),
        ("ec2.stop", State.SUCCEEDED, "already"),
    ]
    assert duty.sent("StartInstances") == []


def test_ticks_that_race_enter_each_time_once(duty: Duty, as_role: AsRole) -> None:
    duty.aws.seed(instances=[{"tags": DAY}] * 20)
    duty.look()
    ticked: list[Ticked] = []
    together = threading.Barrier(4)

    def race() -> None:
        together.wait()
        try:
            ticked.append(tick(duty.aws.cast.tenant.id, now=duty.clock()))
        finally:
            connection.close()

    with as_role("scheduler"):
        threads = [threading.Thread(target=race) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(ticked) == 4
    assert sum(len(one.entered) for one in ticked) == len(duty.operations()) == 20


def test_a_clock_put_back_does_nothing_twice(duty: Duty) -> None:
    one = planted(duty)
    duty.clock.now = jst(2026, 11, 30, 8, 31)
    duty.tick()
    duty.work_for(rounds=1, seconds=10)
    duty.console("ec2").stop_instances(InstanceIds=[one])
    duty.clock.now = jst(2026, 11, 30, 8, 20)
    duty.look()
    assert duty.resource(one).next_change_at == jst(2026, 11, 30, 8, 30)
    for minute in range(20, 40, 5):
        duty.clock.now = jst(2026, 11, 30, 8, minute)
        duty.tick()
        duty.work()
    assert len(duty.operations()) == 1
    assert duty.resource(one).next_change_at == jst(2026, 11, 30, 19, 0)
    assert duty.effects(one) == ["StartInstances", "StopInstances"]


def test_an_account_that_only_observes_does_nothing_and_says_what_it_would_have_done(duty: Duty) -> None:
    duty.switch("observe")
    one = planted(duty)
    duty.clock.now = jst(2026, 11, 30)
    assert duty.tick().entered == ()
    duty.tick()
    duty.work()
    (event,) = duty.events("schedule.observed")
    assert (event["detail"]["action"], event["detail"]["aws_id"]) == ("ec2.start", one)
    assert duty.operations() == []
    assert duty.sent("StartInstances") == []


def test_switching_on_does_not_catch_up_what_lies_before(duty: Duty) -> None:
    duty.switch("observe")
    one = planted(duty)
    duty.clock.now = jst(2026, 11, 30, 8, 40)
    duty.switch("on")
    duty.retag(one, Owner="somebody", AutoStart="08:35")
    duty.clock.pass_(minutes=5)
    duty.morning()
    assert duty.operations() == []


def test_automation_switched_off_after_entry_cancels_without_a_call(duty: Duty) -> None:
    one = planted(duty)
    duty.clock.now = jst(2026, 11, 30)
    duty.tick()
    duty.switch("observe")
    duty.work()
    assert duty.outcomes()[one] == ("CANCELLED", "automation_off")
    assert duty.sent("StartInstances") == []


def test_tags_removed_after_entry_cancel_without_a_call(duty: Duty) -> None:
    one = planted(duty)
    duty.clock.now = jst(2026, 11, 30)
    duty.tick()
    duty.untag(one, "AutoStart", "AutoStop")
    duty.work()
    assert duty.outcomes()[one] == ("CANCELLED", "tags_changed")
    assert duty.sent("StartInstances") == []


def test_a_stop_by_hand_stands_until_the_next_change(duty: Duty) -> None:
    one = planted(duty)
    duty.clock.now = jst(2026, 11, 30)
    duty.morning()
    duty.console("ec2").stop_instances(InstanceIds=[one])
    for _ in range(6):
        duty.clock.pass_(minutes=30)
        duty.morning()
    assert duty.aws.states()["ec2"][one] == "stopped"
    duty.clock.now = jst(2026, 12, 1)
    duty.morning()
    assert duty.aws.states()["ec2"][one] == "running"


def test_a_start_by_hand_stands_until_the_stop(duty: Duty) -> None:
    one = planted(duty)
    duty.clock.now = jst(2026, 11, 30, 19, 0)
    duty.morning()
    duty.console("ec2").start_instances(InstanceIds=[one])
    duty.clock.pass_(hours=2)
    duty.morning()
    assert duty.aws.states()["ec2"][one] == "running"
    duty.clock.now = jst(2026, 12, 1, 19, 0)
    duty.morning()
    assert duty.aws.states()["ec2"][one] == "stopped"


@pytest.mark.parametrize(("minutes", "state"), [(60, State.RUNNING), (61, State.MISSED)])
def test_what_no_worker_came_for_within_the_grace_is_missed(duty: Duty, minutes: int, state: State) -> None:
    one = planted(duty)
    duty.clock.now = jst(2026, 11, 30)
    duty.tick()
    duty.clock.pass_(minutes=minutes)
    duty.work()
    (operation,) = duty.operations()
    assert operation.state == state
    assert duty.sent("StartInstances") == ([[one]] if state == State.RUNNING else [])


def test_what_is_already_so_succeeds_without_a_call(duty: Duty) -> None:
    one = planted(duty)
    duty.console("ec2").start_instances(InstanceIds=[one])
    duty.clock.now = jst(2026, 11, 30)
    duty.tick()
    duty.work()
    assert duty.outcomes()[one] == ("SUCCEEDED", "already")
    assert len(duty.sent("StartInstances")) == 1


def test_nothing_due_costs_no_call(duty: Duty) -> None:
    planted(duty)
    before = duty.aws.calls()
    for _ in range(3):
        assert duty.tick().resources == 0
        assert duty.work() == 0
        duty.clock.pass_(minutes=5)
    assert duty.aws.calls() == before


def test_the_tick_of_one_tenant_leaves_another_alone(duty: Duty, as_role: AsRole) -> None:
    theirs = Duty(make_account(stranger_cast(duty.aws.cast), on=False), Clock(duty.clock()), as_role)
    planted(duty)
    (other,) = theirs.aws.seed(instances=[{"tags": DAY}])["instances"]
    theirs.look()
    duty.clock.now = jst(2026, 11, 30)
    assert len(duty.tick().entered) == 1
    assert theirs.events("schedule.observed") == []
    assert theirs.resource(other).next_change_at == jst(2026, 11, 30)
