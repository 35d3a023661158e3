"""Overrides, skips and freezes: they hold for a while, end by themselves, and name the person who confirmed them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from infra.domain.schedule import State
from infra.models import Override
from infra.models.schedule import OverrideKind
from infra.operations import overriding
from infra.operations.overriding import Wanted
from medical_audit.domain.errors import NotPermitted, Refused, StaleContent, TokenReused
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope
from tests.factories import proof
from tests.infra.operations.duty import Duty, jst
from tests.infra.operations.test_planning import Planning, at, server_of
from tests.simulated import ask
from tests.simulator.client import eventually


@pytest.fixture
def planning(duty: Duty) -> Planning:
    duty.clock.now = jst(2026, 11, 30, 8, 0)
    return Planning(duty)


def test_kept_running_until_22_it_is_not_stopped_at_19_but_at_22(planning: Planning) -> None:
    server = server_of(planning, tags={"AutoStop": "19:00"}, state="running")
    at(planning, jst(2026, 11, 30, 18, 0))
    planning.duty.look()
    row = planning.row(server)
    planning.override(Wanted(State.RUNNING, jst(2026, 11, 30, 22, 0), resources=(row.id,)))
    planning.duty.tick()
    planning.duty.work()
    at(planning, jst(2026, 11, 30, 19, 0))
    planning.duty.tick()
    assert planning.duty.operations(kind="ec2.stop") == []
    at(planning, jst(2026, 11, 30, 22, 0))
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)
    [stop] = planning.duty.operations(kind="ec2.stop")
    assert (stop.state, stop.due_at) == ("SUCCEEDED", jst(2026, 11, 30, 22, 0))
    assert stop.authority["source"] == "tags", "the schedule asks for it, late"
    assert stop.confirmed_by_id == planning.approver.id


def test_an_override_that_is_ended_early_gives_way_at_once(planning: Planning) -> None:
    server = server_of(planning, tags={"AutoStart": "08:30", "AutoStop": "19:00"}, state="running")
    at(planning, jst(2026, 11, 30, 18, 0))
    planning.duty.look()
    row = planning.row(server)
    planning.override(Wanted(State.RUNNING, jst(2026, 12, 1, 6, 0), resources=(row.id,)))
    at(planning, jst(2026, 11, 30, 20, 0))
    planning.duty.tick()
    with tenant_scope(planning.planner.tenant_id):
        [override] = Override.objects.all()
    ended = overriding.enter_end(
        override.id, actor=planning.planner, now=planning.duty.clock(), reason="終了"
    )
    planning.confirm(ended, planning.planner)
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)
    stops = planning.duty.operations(kind="ec2.stop")
    assert [(one.state, one.due_at) for one in stops] == [("SUCCEEDED", jst(2026, 11, 30, 20, 0))]


def test_the_next_stop_is_left_out_once(planning: Planning) -> None:
    server = server_of(planning, tags={"AutoStart": "08:30", "AutoStop": "19:00"}, state="running")
    at(planning, jst(2026, 11, 30, 18, 0))
    planning.duty.look()
    row = planning.row(server)
    wanted = overriding.skip_next(row.id, actor=planning.planner, now=planning.duty.clock())
    assert (wanted.kind, wanted.until) == (OverrideKind.SKIP, jst(2026, 12, 1, 8, 30))
    planning.override(wanted)
    for moment in (jst(2026, 11, 30, 19, 0), jst(2026, 12, 1, 8, 30), jst(2026, 12, 1, 19, 0)):
        at(planning, moment)
        planning.duty.tick()
        planning.duty.work_for(rounds=1, seconds=10)
    done = [(one.kind, one.due_at) for one in planning.duty.operations(policy="schedule")]
    assert sorted(done) == [
        ("ec2.start", jst(2026, 12, 1, 8, 30)),
        ("ec2.stop", jst(2026, 12, 1, 19, 0)),
    ]


def test_of_the_stops_of_a_weekend_one_is_left_out_and_the_others_are_done(planning: Planning) -> None:
    server = server_of(planning, tags={"AutoStart": "08:30", "AutoStop": "19:00"}, state="running")
    at(planning, jst(2026, 12, 4, 18, 0))
    planning.duty.look()
    wanted = overriding.skip_next(planning.row(server).id, actor=planning.planner, now=planning.duty.clock())
    planning.override(wanted)
    for day in (4, 5, 6):
        at(planning, jst(2026, 12, day, 19, 0))
        planning.duty.tick()
    assert [one.due_at for one in planning.duty.operations(kind="ec2.stop")] == [
        jst(2026, 12, 5, 19, 0),
        jst(2026, 12, 6, 19, 0),
    ]


@pytest.mark.parametrize(
    ("wish", "real", "goal"),
    [(State.RUNNING, "stopped", "running"), (State.STOPPED, "running", "stopped")],
)
def test_an_override_that_agrees_with_the_schedule_still_puts_the_server_right(
    planning: Planning, wish: State, real: str, goal: str
) -> None:
    """Stopped by hand in its hours, or started by hand out of them."""
    server = server_of(planning, tags={"AutoStart": "08:30", "AutoStop": "19:00"}, state=real)
    at(planning, jst(2026, 11, 30, 10 if wish is State.RUNNING else 20, 0))
    planning.duty.look()
    planning.override(
        Wanted(wish, planning.duty.clock() + timedelta(hours=2), resources=(planning.row(server).id,))
    )
    planning.duty.tick()
    planning.duty.work_for(rounds=1, seconds=10)
    assert planning.duty.aws.states()["ec2"][server] == goal
    [done] = planning.duty.operations(policy="schedule")
    assert (done.state, done.authority["source"]) == ("SUCCEEDED", "override:resource")


@pytest.mark.parametrize(("hours", "code"), [(-1, "bad_end"), (24 * 32, "too_long")])
def test_an_override_needs_an_end_within_31_days(planning: Planning, hours: int, code: str) -> None:
    server_of(planning, tags={"Project": "emr"}, state="running")
    planning.duty.look()
    until = planning.duty.clock() + timedelta(hours=hours)
    with pytest.raises(Refused) as caught:
        planning.override(Wanted(State.RUNNING, until, project="emr"))
    assert caught.value.code == code


def test_two_overrides_of_one_thing_at_one_time_are_refused(planning: Planning) -> None:
    server_of(planning, tags={"Project": "emr"}, state="running")
    planning.duty.look()
    until = planning.duty.clock() + timedelta(hours=2)
    planning.override(Wanted(State.RUNNING, until, project="emr"))
    with pytest.raises(Refused) as caught:
        planning.override(Wanted(State.STOPPED, until, project="emr"))
    assert caught.value.code == "override_overlaps"


def test_of_two_overrides_entered_before_either_is_confirmed_only_one_holds(planning: Planning) -> None:
    server_of(planning, tags={"Project": "emr"}, state="running")
    planning.duty.look()
    now, until = planning.duty.clock(), planning.duty.clock() + timedelta(hours=2)
    first, second = (
        overriding.enter_override(
            Wanted(wish, until, project="emr"), actor=planning.planner, now=now, reason="x"
        )
        for wish in (State.RUNNING, State.STOPPED)
    )
    planning.confirm(first, planning.planner)
    with pytest.raises(StaleContent):
        planning.confirm(second, planning.planner)


def test_one_form_stands_for_one_override(planning: Planning) -> None:
    server_of(planning, tags={"Project": "emr"}, state="running")
    planning.duty.look()
    now, until = planning.duty.clock(), planning.duty.clock() + timedelta(hours=2)
    wanted, token = Wanted(State.RUNNING, until, project="emr"), "0" * 32

    def enter(one: Wanted) -> Operation:
        return overriding.enter_override(one, actor=planning.planner, now=now, reason="x", token=token)

    assert enter(wanted).id == enter(wanted).id
    with pytest.raises(TokenReused):
        enter(Wanted(State.STOPPED, until, project="emr"))


def test_a_freeze_needs_two_people_to_end_as_well(planning: Planning) -> None:
    until = planning.duty.clock() + timedelta(hours=2)
    wanted = Wanted(State.ANY, until, kind=OverrideKind.FREEZE)
    planning.confirm(
        overriding.enter_override(wanted, actor=planning.planner, now=planning.duty.clock(), reason="x")
    )
    with tenant_scope(planning.planner.tenant_id):
        [row] = Override.objects.all()
    ended = overriding.enter_end(row.id, actor=planning.planner, now=planning.duty.clock(), reason="x")
    with pytest.raises(NotPermitted):
        planning.confirm(ended, planning.planner)
    planning.confirm(ended)


def test_a_freeze_stops_the_clock_for_everything_and_needs_another_person(planning: Planning) -> None:
    server_of(planning, tags={"AutoStart": "08:30"}, state="stopped")
    planning.duty.look()
    until = jst(2026, 11, 30, 12, 0)
    entered = overriding.enter_override(
        Wanted(State.ANY, until, kind=OverrideKind.FREEZE),
        actor=planning.planner, now=planning.duty.clock(), reason="年次点検",
    )  # fmt: skip
    with pytest.raises(NotPermitted):
        planning.confirm(entered, planning.planner)
    planning.confirm(entered)
    at(planning, jst(2026, 11, 30, 8, 30))
    planning.duty.tick()
    assert planning.duty.operations(policy="schedule") == []


def frozen_until_noon(planning: Planning) -> None:
    wanted = Wanted(State.ANY, jst(2026, 11, 30, 12, 0), kind=OverrideKind.FREEZE)
    now = planning.duty.clock()
    planning.confirm(overriding.enter_override(wanted, actor=planning.planner, now=now, reason="x"))


def test_one_persons_override_is_refused_during_a_freeze_of_two(planning: Planning) -> None:
    """ADR 10: what two people froze stays as it is; whoever needs one server otherwise does it by hand, in his name."""
    server = server_of(planning, tags={"AutoStop": "19:00"}, state="running")
    planning.duty.look()
    frozen_until_noon(planning)
    stopped = Wanted(State.STOPPED, jst(2026, 11, 30, 14, 0), resources=(planning.row(server).id,))
    with pytest.raises(Refused) as refused:
        planning.override(stopped)
    assert (refused.value.code, refused.value.params["person"]) == ("frozen", planning.approver.name)


def test_a_freeze_holds_above_an_override_that_was_there_before_it(planning: Planning) -> None:
    duty = planning.duty
    server = server_of(planning, tags={"AutoStop": "19:00"}, state="running")
    duty.look()
    row = planning.row(server)
    planning.override(Wanted(State.STOPPED, jst(2026, 11, 30, 14, 0), resources=(row.id,)))
    frozen_until_noon(planning)
    duty.clock.pass_(seconds=1)
    duty.tick()
    duty.work_for(rounds=1, seconds=10)
    assert duty.aws.states()["ec2"][server] == "running"
    at(planning, jst(2026, 11, 30, 12, 0))
    duty.tick()
    duty.work_for(rounds=1, seconds=10)
    assert duty.aws.states()["ec2"][server] == "stopped", "the override goes on after the freeze"


def test_of_two_first_overrides_confirmed_at_the_same_moment_one_holds(planning: Planning) -> None:
    """Neither finds the other's row: it is the project's resources that they have to wait for."""
    server_of(planning, tags={"Project": "emr"}, state="running")
    planning.duty.look()
    now, until = planning.duty.clock(), planning.duty.clock() + timedelta(hours=2)
    entered = [
        overriding.enter_override(
            Wanted(wish, until, project="emr"), actor=planning.planner, now=now, reason="x"
        )
        for wish in (State.RUNNING, State.STOPPED)
    ]
    gate, ends = threading.Barrier(2), []

    def confirm(one: Operation) -> None:
        try:
            gate.wait(timeout=10)
            planning.confirm(one, planning.planner)
            ends.append("confirmed")
        except StaleContent as stale:
            ends.append(stale.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=confirm, args=(one,)) for one in entered]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(ends) == ["confirmed", "override_overlaps"]


@pytest.mark.parametrize("kind", [OverrideKind.FREEZE, OverrideKind.OVERRIDE])
@pytest.mark.parametrize("moment", ["before the look", "between the look and the call"])
def test_a_late_stop_is_not_carried_out_in_what_began_meanwhile(
    moment: str, kind: OverrideKind, planning: Planning
) -> None:
    duty = planning.duty
    server = server_of(planning, tags={"AutoStop": "19:00", "Project": "emr"}, state="running")
    at(planning, jst(2026, 11, 30, 18, 0))
    duty.look()
    at(planning, jst(2026, 11, 30, 19, 0))
    duty.tick()
    at(planning, jst(2026, 11, 30, 19, 3))
    leave_alone = Wanted(
        State.ANY, jst(2026, 11, 30, 23, 0), kind=kind, project="" if kind == OverrideKind.FREEZE else "emr"
    )

    def begin() -> None:
        entered = overriding.enter_override(
            leave_alone, actor=planning.planner, now=duty.clock() - timedelta(minutes=1), reason="x"
        )
        who = planning.approver
        now = duty.clock() - timedelta(minutes=1)
        entry.confirm(entered.id, actor=who, now=now, seen_digest=entered.digest, proof=proof(who, now))

    if moment == "before the look":
        begin()
        duty.work()
    else:
        work_after(duty, begin)
    [stop] = duty.operations(kind="ec2.stop")
    assert (stop.state, stop.outcome) == ("CANCELLED", "left_alone")
    assert duty.sent("StopInstances") == []
    assert duty.aws.states()["ec2"][server] == "running"


def work_after(duty: Duty, step: Callable[[], None]) -> None:
    """Serve the lane; the step comes while the answer of its last look at AWS is under way."""
    rule = f"hold-{duty.aws.number}"
    duty.aws.fault(id=rule, match={"action": "DescribeInstances"}, hold="after", times=1)

    def drain() -> None:
        try:
            duty.aws.drain(duty.clock)
        finally:
            connection.close()

    with duty.as_role("worker"):
        thread = threading.Thread(target=drain)
        thread.start()
        eventually(lambda: next(shown["waiting"] for shown in ask("faults") if shown["id"] == rule), 1)
    step()
    duty.aws.no_faults()
    thread.join()
