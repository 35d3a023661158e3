"""Workers that die, hang or break: what they left is settled by looking, and their neighbours go on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from accounts.domain.notices import NEWS, Topic
from medical_audit.domain.actor import system_actor
from medical_audit.domain.kinds import Done, Fail, Go, Health, Later, Unknown
from medical_audit.domain.states import Phase, State
from medical_audit.models import Operation
from medical_audit.operations.execution import expire_overdue
from redmine_sync.domain.topics import FAILURE
from tests.conftest import AsRole
from tests.medical_audit.desk import SOON, Desk
from tests.medical_audit.support import plant
from tests.medical_audit.threads import race


class _Killed(BaseException):
    """Stands for SIGKILL: nothing of ours runs after it, except what Python unwinds."""


def _die_in_the_call(desk: Desk) -> None:
    def die() -> None:
        raise _Killed

    desk.outside.before_call = die
    with pytest.raises(_Killed):
        desk.drain("dead")
    desk.outside.before_call = lambda: None


@pytest.mark.parametrize(
    ("truth", "end", "calls"),
    [
        (Done("reached"), State.SUCCEEDED, 0),
        (Fail("gone"), State.FAILED, 0),
        (Go(), State.RUNNING, 1),
        (Later("x", SOON), State.UNKNOWN, 0),
    ],
)
def test_what_a_dead_worker_left_is_settled_by_looking_never_by_calling_again(
    truth: Done | Fail | Go | Later, end: State, calls: int, desk: Desk
) -> None:
    (operation,) = desk.confirmed()
    _die_in_the_call(desk)
    assert (desk.row(operation).state, desk.row(operation).phase) == (State.RUNNING, Phase.CALLING)
    desk.outside.observe = lambda row: truth
    desk.clock.pass_(seconds=settings.LEASE_S + 1)
    desk.drain()
    phases = [phase for phase, _ in desk.outside.asked]
    assert phases[:2] == ["check", "observe"], "looked before anything else"
    desk.drain()
    assert desk.row(operation).state == end
    assert len(desk.outside.called()) == calls
    assert "unknown" in desk.story(operation)


def test_an_unanswered_call_is_settled_by_looking(desk: Desk) -> None:
    (operation,) = desk.confirmed()
    desk.outside.call = lambda row: Unknown("no_answer")
    desk.drain()
    assert (desk.row(operation).state, desk.row(operation).outcome) == (State.UNKNOWN, "no_answer")
    assert desk.drain() == 0
    desk.clock.pass_(seconds=settings.SETTLE_AFTER_S)
    desk.drain()
    assert desk.row(operation).state == State.SUCCEEDED
    assert len(desk.outside.called()) == 1


def test_what_stays_unknown_is_never_called_and_never_closed_by_guessing(
    own_desk: Desk, as_role: AsRole
) -> None:
    (operation,) = own_desk.confirmed()
    own_desk.outside.call, own_desk.outside.observe = (
        lambda row: Unknown("no_answer"),
        lambda row: Later("unreachable", SOON),
    )
    for _ in range(5):
        own_desk.drain()
        own_desk.clock.pass_(minutes=30)
    with as_role("scheduler"):
        assert (
            expire_overdue(
                own_desk.tenant_id, actor=system_actor(own_desk.tenant_id, "sweeper"), now=own_desk.clock()
            )
            == 0
        )
    assert own_desk.row(operation).state == State.UNKNOWN
    assert len(own_desk.outside.called()) == 1


@pytest.mark.parametrize("refused", [True, False])
def test_what_nobody_can_look_up_is_told_and_ends_after_a_day(refused: bool, desk: Desk) -> None:
    """Be it that the role is refused from the acceptance on, or that the look itself breaks each time."""
    (operation,) = desk.confirmed()
    desk.drain()

    def cannot_be_seen(row: Operation) -> Later:
        if refused:
            desk.outside.health = Health.REFUSED
            return Later("role_refused", SOON, seen=False)
        raise ZeroDivisionError

    desk.outside.observe = cannot_be_seen
    seen = []
    for minutes in (11, 16, 16, 24 * 60):
        desk.clock.pass_(minutes=minutes)
        desk.drain()
        seen.append(str(desk.row(operation).state))
    assert seen == ["UNKNOWN", "UNKNOWN", "UNKNOWN", "FAILED"]
    assert desk.story(operation)[2:] == ["called", "accepted", "unknown", "unsettled", "failed"]
    row = desk.row(operation)
    assert (row.outcome, row.outcome_detail["last"]) == (
        "outcome_unknown",
        "role_refused" if refused else "internal_error",
    )
    assert len(desk.outside.called()) == 1
    told = {"kind": "operation.unsettled", "operation": str(row.id), "detail": {"kind": row.kind}}
    assert (NEWS["operation.unsettled"], FAILURE.verb(told)) == (Topic.FAILED, "open")


def test_a_call_that_says_nothing_of_a_row_is_unknown_and_a_look_that_says_nothing_is_repeated(
    desk: Desk,
) -> None:
    (operation,) = desk.confirmed()
    forgetful = {"call": True}
    answer = desk.outside.answer

    def forget(phase: str, rows: list[Operation]) -> object:
        found = answer(phase, rows)
        return type(found)({}, found.health) if forgetful.get(phase) else found

    desk.outside.answer = forget  # type: ignore[method-assign, assignment]
    desk.drain()
    assert (desk.row(operation).state, desk.row(operation).outcome) == (State.UNKNOWN, "no_verdict")
    forgetful["observe"] = True
    desk.clock.pass_(minutes=1)
    desk.drain()
    assert desk.row(operation).state == State.UNKNOWN
    forgetful["observe"] = False
    desk.clock.pass_(minutes=1)
    desk.drain()
    assert desk.row(operation).state == State.SUCCEEDED


def test_a_look_before_the_call_that_says_nothing_of_a_row_does_not_let_it_go(desk: Desk) -> None:
    (operation,) = desk.confirmed()
    answer = desk.outside.answer
    desk.outside.answer = lambda phase, rows: type(found := answer(phase, rows))({}, found.health)  # type: ignore[method-assign]
    desk.drain()
    assert desk.outside.called() == []
    assert desk.row(operation).outcome == "no_verdict"


def test_a_worker_that_lost_its_lane_while_calling_writes_nothing(desk: Desk) -> None:
    """It slept through its lease, somebody else took the lane: its result is refused, the other one settles."""
    (operation,) = desk.confirmed()
    events: list[list[str]] = []

    def sleep_through_the_lease() -> None:
        desk.outside.before_call = lambda: None
        desk.clock.pass_(seconds=settings.LEASE_S + 1)
        desk.outside.observe = lambda row: Later("not_yet", SOON)
        assert race(1, lambda _: desk.drain_here("other")) == [1]
        events.append(desk.story(operation))

    desk.outside.before_call = sleep_through_the_lease
    desk.drain("zombie")
    row = desk.row(operation)
    assert (row.state, row.fence, desk.lane_row().fence) == (State.UNKNOWN, 1, 2)
    assert desk.story(operation) == events[0] == ["entered", "confirmed", "called", "unknown"]
    assert len(desk.outside.called()) == 1, "the zombie's own call went out, but its answer was not written"


def test_a_worker_that_lost_its_lane_before_the_call_calls_nothing(desk: Desk) -> None:
    (operation,) = desk.confirmed()

    def overslept(row: Operation) -> Go:
        desk.clock.pass_(seconds=settings.LEASE_S + 1)
        return Go()

    desk.outside.check = overslept
    desk.drain()
    assert desk.outside.called() == []
    assert (desk.row(operation).state, desk.row(operation).attempts) == (State.CONFIRMED, 0)
    assert desk.story(operation) == ["entered", "confirmed"]


def test_a_poisonous_row_harms_only_itself(desk: Desk) -> None:
    operations = desk.confirmed(3)
    poison = operations[1]

    def check(row: Operation) -> Go:
        if row.id == poison.id:
            raise ZeroDivisionError
        return Go()

    desk.outside.check = check
    desk.drain()
    assert [desk.row(one).state for one in operations] == [State.RUNNING, State.CONFIRMED, State.RUNNING]
    row = desk.row(poison)
    assert (row.outcome, row.work_at) == ("internal_error", desk.clock() + timedelta(seconds=60))
    assert sorted(desk.outside.called()) == sorted(one.target_id for one in operations if one is not poison)


def test_a_call_that_breaks_is_settled_by_looking(desk: Desk) -> None:
    operations = desk.confirmed(3)

    def explode() -> None:
        raise ZeroDivisionError

    desk.outside.before_call = explode
    desk.drain()
    assert {desk.row(one).phase for one in operations} == {Phase.CALLING}
    desk.outside.before_call = lambda: None
    desk.drain()
    assert {desk.row(one).state for one in operations} == {State.SUCCEEDED}
    assert desk.outside.called() == []


def test_a_broken_round_does_not_shorten_the_wait_of_its_neighbours(desk: Desk) -> None:
    """What was just told to wait, or is being verified, is not served again because a neighbour broke the round."""
    operations = desk.confirmed(3)
    poison = operations[1]
    desk.outside.check = lambda row: Go() if row.id == poison.id else Later("busy", timedelta(minutes=5))
    desk.outside.before_call = lambda: (_ for _ in ()).throw(ZeroDivisionError())
    desk.drain()
    checked = [target for phase, targets in desk.outside.asked if phase == "check" for target in targets]
    assert sorted(checked) == sorted(one.target_id for one in operations)


def test_what_a_row_waits_for_is_not_forgotten_when_looking_at_it_breaks(desk: Desk) -> None:
    """`worker_lost` tells later rounds to call it in small company: a broken look is no answer."""
    (operation,) = desk.confirmed()

    def explode(*_row: Operation) -> None:
        raise ZeroDivisionError

    desk.outside.before_call = explode
    desk.drain()
    desk.outside.observe = explode  # type: ignore[assignment]
    desk.drain()
    row = desk.row(operation)
    assert (row.state, row.outcome) == (State.UNKNOWN, "worker_lost")
    assert row.work_at == desk.clock() + timedelta(seconds=60)


def test_a_row_whose_kind_nobody_knows_any_more_does_not_stop_its_lane(desk: Desk) -> None:
    """After a roll-back of the application, rows of a newer kind may stand in the queue."""
    model, (good,) = desk.confirm(desk.enter()), desk.confirmed()
    row = Operation(
        **{f.attname: getattr(model, f.attname) for f in Operation._meta.local_fields if f.attname != "id"}
    )
    row.kind = "a.newer.kind"
    plant(row)
    desk.drain()
    assert desk.row(good).state == State.RUNNING
    stored = desk.row(row)
    assert (stored.state, stored.outcome) == (State.CONFIRMED, "unknown_kind"), "left to whoever knows it"
    assert stored.work_at == desk.clock() + timedelta(seconds=60)
