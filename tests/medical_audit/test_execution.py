"""Carrying out what was confirmed: looked at, intended, called once, settled by looking, whatever dies on the way."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from medical_audit.domain.actor import system_actor
from medical_audit.domain.kinds import Done, Fail, Go, Health, Later, Verdict
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
    verdicts: dict[str, Verdict] = {
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
