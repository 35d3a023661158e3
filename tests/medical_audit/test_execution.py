"""Carrying out what was confirmed: looked at, intended, called once, settled by looking, whatever dies on the way."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.conf import settings

from medical_audit.domain.actor import system_actor
from medical_audit.domain.kinds import Done, Fail, Go, Health, Later, Unknown
from medical_audit.domain.states import Phase, State
from medical_audit.models import Operation
from medical_audit.operations.execution import expire_overdue
from medical_audit.operations.ledger import record_many
from medical_audit.operations.moves import event_of
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.medical_audit.desk import OTHER, SELF, SOON, Desk
from tests.medical_audit.support import Database
from tests.medical_audit.threads import race


def test_the_way_of_an_operation_from_entry_to_success(desk: Desk) -> None:
    (operation,) = desk.confirmed()
    assert desk.drain() == 1
    row = desk.row(operation)
    assert (row.state, row.phase, row.attempts, row.fence) == (State.RUNNING, Phase.VERIFYING, 1, 1)
    assert desk.drain() == 0
    desk.clock.pass_(seconds=5)
    assert desk.drain() == 1
    row = desk.row(operation)
    assert (row.state, row.outcome, row.work_at, row.finished_at) == (
        State.SUCCEEDED,
        "reached",
        None,
        desk.clock(),
    )
    assert desk.story(operation) == ["entered", "confirmed", "called", "accepted", "succeeded"]
    assert [phase for phase, _ in desk.outside.asked] == ["check", "call", "observe"]


def test_the_intent_is_committed_before_the_call(desk: Desk, superuser_connection: Database) -> None:
    """Read over another connection in the very moment of the call."""
    (operation,) = desk.confirmed()
    seen: list[object] = []

    def look() -> None:
        seen.append(
            superuser_connection.execute(
                "SELECT o.state, o.phase, o.attempts, (SELECT count(*) FROM ledger.event e JOIN ledger.link l ON l.event_id = e.id "
                "WHERE e.operation_id = o.id::text AND e.kind = 'operation.called') FROM medical_audit_operation o WHERE id = %s",
                [operation.id],
            ).fetchone()
        )

    desk.outside.before_call = look
    desk.drain()
    assert seen == [("RUNNING", "calling", 1, 1)]


def test_a_batch_is_one_call_and_never_larger_than_the_kind_allows(desk: Desk) -> None:
    operations = desk.confirmed(7)
    assert desk.drain() == 7
    assert sorted(len(targets) for phase, targets in desk.outside.asked if phase == "call") == [1, 3, 3]
    assert sorted(desk.outside.called()) == sorted(operation.target_id for operation in operations)


def test_only_what_may_go_is_called(desk: Desk) -> None:
    going, done, failing, waiting = desk.confirmed(4)
    verdicts = {
        going.target_id: Go(),
        done.target_id: Done("already"),
        failing.target_id: Fail("gone"),
        waiting.target_id: Later("busy", SOON),
    }
    desk.outside.check = lambda row: verdicts[row.target_id]
    desk.drain()
    assert desk.outside.called() == [going.target_id]
    states = [desk.row(one).state for one in (going, done, failing, waiting)]
    assert states == [State.RUNNING, State.SUCCEEDED, State.FAILED, State.CONFIRMED]


def test_what_is_cancelled_while_it_is_looked_at_is_not_called(desk: Desk) -> None:
    (operation,) = desk.confirmed()

    def cancel_then_go(row: Operation) -> Go:
        with tenant_scope(desk.tenant_id):
            found = Operation.objects.select_for_update().get(id=row.id)
            found.state, found.work_at = State.CANCELLED, None
            found.save(update_fields=["state", "work_at"])
            record_many(
                desk.tenant_id,
                [event_of(found, "operation.cancelled", actor=desk.clockwork(), now=desk.clock())],
            )
        return Go()

    desk.outside.check = cancel_then_go
    desk.drain()
    assert desk.outside.called() == []
    assert desk.row(operation).state == State.CANCELLED


# -- tries and time ----------------------------------------------------------------------------------------------------


def test_an_operation_is_tried_three_times_and_then_fails(desk: Desk) -> None:
    (operation,) = desk.confirmed()
    desk.outside.call = lambda row: Later("throttled", timedelta(seconds=1))
    for _ in range(5):
        desk.drain()
        desk.clock.pass_(seconds=1)
    row = desk.row(operation)
    assert (row.state, row.outcome, row.outcome_detail) == (
        State.FAILED,
        "attempts_exhausted",
        {"last": "throttled"},
    )
    assert len(desk.outside.called()) == 3
    assert desk.story(operation)[2:] == ["called", "retried", "called", "retried", "called", "failed"]


@pytest.mark.parametrize(("by", "end"), [("person", State.EXPIRED), ("clock", State.MISSED)])
def test_nothing_is_called_after_its_deadline(by: str, end: State, desk: Desk) -> None:
    """No worker for an hour; then one comes before the sweeper does."""
    (operation,) = desk.confirmed() if by == "person" else desk.scheduled("due")
    desk.clock.pass_(minutes=60, seconds=1)
    desk.drain()
    assert desk.outside.called() == []
    row = desk.row(operation)
    assert (row.state, row.outcome) == (end, "not_started_in_time")


def test_at_its_deadline_an_operation_is_still_called(desk: Desk) -> None:
    (operation,) = desk.confirmed()
    desk.clock.pass_(minutes=60)
    desk.drain()
    assert desk.outside.called() == [operation.target_id]


def test_the_sweeper_closes_what_waited_too_long(own_desk: Desk, as_role: AsRole) -> None:
    unconfirmed, confirmed, (due,) = (
        own_desk.enter(),
        own_desk.confirm(own_desk.enter()),
        own_desk.scheduled("due"),
    )
    with as_role("scheduler"):
        sweeper = system_actor(own_desk.tenant_id, "sweeper")
        own_desk.clock.pass_(minutes=60)
        assert expire_overdue(own_desk.tenant_id, actor=sweeper, now=own_desk.clock()) == 0
        own_desk.clock.pass_(seconds=1)
        assert expire_overdue(own_desk.tenant_id, actor=sweeper, now=own_desk.clock()) == 2
        own_desk.clock.pass_(hours=23)
        assert expire_overdue(own_desk.tenant_id, actor=sweeper, now=own_desk.clock()) == 1
        assert expire_overdue(own_desk.tenant_id, actor=sweeper, now=own_desk.clock()) == 0
    ends = [
        (own_desk.row(one).state, own_desk.row(one).outcome, own_desk.story(one)[-1])
        for one in (unconfirmed, confirmed, due)
    ]
    assert ends == [
        (State.EXPIRED, "not_approved_in_time", "expired"),
        (State.EXPIRED, "not_started_in_time", "expired"),
        (State.MISSED, "not_started_in_time", "missed"),
    ]


def test_the_sweeper_keeps_the_reason_why_it_waited(own_desk: Desk, as_role: AsRole) -> None:
    (due,) = own_desk.scheduled("due")
    own_desk.outside.check = lambda row: Later("unreachable", timedelta(minutes=50))
    own_desk.drain()
    own_desk.clock.pass_(minutes=61)
    with as_role("scheduler"):
        expire_overdue(
            own_desk.tenant_id, actor=system_actor(own_desk.tenant_id, "sweeper"), now=own_desk.clock()
        )
    assert (own_desk.row(due).state, own_desk.row(due).outcome) == (State.MISSED, "unreachable")


# -- workers that die, hang or break -----------------------------------------------------------------------------------


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


def test_a_row_whose_kind_nobody_knows_any_more_does_not_stop_its_lane(desk: Desk) -> None:
    """After a roll-back of the application, rows of a newer kind may stand in the queue."""
    model, (good,) = desk.confirm(desk.enter()), desk.confirmed()
    row = Operation(
        **{f.attname: getattr(model, f.attname) for f in Operation._meta.local_fields if f.attname != "id"}
    )
    row.kind = "a.newer.kind"
    with tenant_scope(desk.tenant_id):
        row.save(force_insert=True)
        record_many(
            desk.tenant_id, [event_of(row, "operation.entered", actor=desk.clockwork(), now=desk.clock())]
        )
    desk.drain()
    assert desk.row(good).state == State.RUNNING
    stored = desk.row(row)
    assert (stored.state, stored.outcome) == (State.CONFIRMED, "unknown_kind"), "left to whoever knows it"
    assert stored.work_at == desk.clock() + timedelta(seconds=60)


def test_two_workers_on_one_lane_call_each_operation_once(desk: Desk, as_role: AsRole) -> None:
    operations = desk.confirmed(9, SELF)
    lock = threading.Lock()
    answer = desk.outside.answer

    def one_at_a_time(phase: str, rows: list[Operation]) -> object:
        with lock:
            return answer(phase, rows)

    desk.outside.answer = one_at_a_time  # type: ignore[method-assign, assignment]
    with as_role("worker"):
        served = race(4, lambda number: desk.drain_here(f"worker-{number}"))
    assert [one for one in served if isinstance(one, Exception)] == []
    assert sorted(desk.outside.called()) == sorted(one.target_id for one in operations)


def test_an_unhealthy_answer_does_not_change_what_it_says(desk: Desk) -> None:
    (operation,) = desk.confirmed(kind=OTHER)
    desk.outside.health = Health.FAILING
    desk.drain()
    assert desk.row(operation).state == State.RUNNING
