"""The state machine, in Python and in the database: the same table, and what was entered never changes."""

from __future__ import annotations

import itertools

import pytest
from django.db import IntegrityError, connection

from accounts.domain.permissions import Role
from medical_audit.domain.states import (
    ENDED_BADLY,
    FINAL,
    OPEN,
    TRANSITIONS,
    UNCONFIRMED,
    WORKABLE,
    State,
    may_move,
)
from medical_audit.models import Operation
from medical_audit.operations.ledger import record_many
from medical_audit.operations.moves import MOVING, event_of
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.medical_audit.desk import Desk
from tests.medical_audit.support import execute, plant


def test_every_state_has_its_moves_and_every_move_ends_in_a_state() -> None:
    assert set(TRANSITIONS) == set(State)
    assert all(after in State and after != before for before, moves in TRANSITIONS.items() for after in moves)


def test_a_state_reached_without_a_confirmation_is_not_worked_on() -> None:
    after = {after for before in WORKABLE for after in TRANSITIONS[before]}
    assert not UNCONFIRMED & WORKABLE
    assert after & UNCONFIRMED == {State.EXPIRED}


def test_states_are_final_or_open_and_work_is_open() -> None:
    assert set(State) == FINAL | OPEN
    assert not FINAL & OPEN
    assert WORKABLE < OPEN
    assert ENDED_BADLY <= FINAL
    assert {
        State.SUCCEEDED,
        State.FAILED,
        State.MISSED,
        State.REJECTED,
        State.WITHDRAWN,
        State.EXPIRED,
        State.CANCELLED,
    } == FINAL


def test_every_state_can_be_reached_and_every_open_one_can_end() -> None:
    reached = {State.ENTERED}
    for _ in State:
        reached |= {after for before in reached for after in TRANSITIONS[before]}
    assert reached == set(State)
    ending = set(FINAL)
    for _ in State:
        ending |= {before for before, moves in TRANSITIONS.items() if moves & ending}
    assert ending == set(State)


def test_nothing_is_called_before_it_is_confirmed_and_nothing_unknown_is_called_again() -> None:
    assert [before for before in State if may_move(before, State.RUNNING)] == [State.CONFIRMED]


def test_the_database_knows_the_same_moves(desk: Desk) -> None:
    pairs = list(itertools.product(State, State))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT medical_audit_may_move(b, a) FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS p (b, a, n) ORDER BY n",
            [[str(before) for before, _ in pairs], [str(after) for _, after in pairs]],
        )
        answers = [row[0] for row in cursor.fetchall()]
    assert dict(zip(pairs, answers, strict=True)) == {(b, a): may_move(b, a) for b, a in pairs}


def _in_state(desk: Desk, state: State) -> Operation:
    """A row standing in any state."""
    model = desk.enter()
    row = Operation(
        **{f.attname: getattr(model, f.attname) for f in Operation._meta.local_fields if f.attname != "id"}
    )
    row.state, row.confirmed_by_id = state, desk.actor(Role.APPROVER).id
    return plant(row)


def _move(desk: Desk, row: Operation, after: State) -> None:
    """By a process whose move it is: what people decide by the web server, what time decides by the scheduler."""
    by_a_person = row.state == State.ENTERED and after != State.EXPIRED
    actor = desk.clockwork()
    if by_a_person:
        actor = desk.actor(Role.OPERATOR if after == State.WITHDRAWN else Role.APPROVER)
    role = "web" if by_a_person else "scheduler" if row.state == State.ENTERED else "worker"
    with _as_role(role), tenant_scope(desk.tenant_id):
        confirms = (
            {"confirmed_at": desk.clock()} if (row.state, after) == (State.ENTERED, State.CONFIRMED) else {}
        )
        Operation.objects.filter(id=row.id).update(state=after, **confirms)
        row.state = after
        record_many(desk.tenant_id, [event_of(row, "operation.moved", actor=actor, now=desk.clock())])


@pytest.mark.parametrize("before", State)
def test_a_row_makes_only_legal_moves(before: State, desk: Desk) -> None:
    for after in set(State) - TRANSITIONS[before] - {before}:
        with pytest.raises(IntegrityError, match="is not a move"):
            _move(desk, _in_state(desk, before), after)
    for after in TRANSITIONS[before]:
        row = _in_state(desk, before)
        _move(desk, row, after)
        assert desk.row(row).state == after


IMMUTABLE = [f.column for f in Operation._meta.local_fields if f.name not in MOVING]


@pytest.mark.parametrize("column", IMMUTABLE)
def test_what_was_entered_never_changes(column: str, desk: Desk) -> None:
    """Everything but what a move writes: the list is the model's, so a new column must choose its side."""
    row = desk.enter()
    other = {"timestamp with time zone": "now()", "uuid": "gen_random_uuid()", "jsonb": """'{"other": 1}'""",
             "integer": "99"}  # fmt: skip
    kind = Operation._meta.get_field(column).db_type(connection)
    with pytest.raises(IntegrityError, match="never changes"), tenant_scope(desk.tenant_id):
        execute(
            f"UPDATE medical_audit_operation SET {column} = {other.get(str(kind), repr('x'))} WHERE id = %s",
            [row.id],
        )


@pytest.mark.parametrize(
    "column", ["confirmed_by_id", "confirmed_by_name", "confirmed_at", "reauthentication", "authority"]
)
def test_who_confirmed_never_changes(column: str, desk: Desk) -> None:
    row = desk.confirm(desk.enter())
    value = {"confirmed_at": "now()", "authority": "'{}'"}.get(column, "'x'")
    with pytest.raises(IntegrityError, match="never changes"), tenant_scope(desk.tenant_id):
        execute(f"UPDATE medical_audit_operation SET {column} = {value} WHERE id = %s", [row.id])


@pytest.mark.parametrize("column", ["outcome", "finished_at", "request_id", "attempts", "work_at"])
def test_what_has_ended_never_changes(column: str, desk: Desk) -> None:
    row = _in_state(desk, State.FAILED)
    value = {"outcome": "'x'", "request_id": "'x'", "attempts": "9"}.get(column, "now()")
    with pytest.raises(IntegrityError, match="has ended"), tenant_scope(desk.tenant_id):
        execute(f"UPDATE medical_audit_operation SET {column} = {value} WHERE id = %s", [row.id])


def _update(desk: Desk, row: Operation, state: State) -> None:
    with tenant_scope(desk.tenant_id):
        Operation.objects.filter(id=row.id).update(state=state)


def test_a_move_without_its_event_fails_at_commit(desk: Desk) -> None:
    row = desk.enter()
    with pytest.raises(IntegrityError, match="move to REJECTED without its ledger event"):
        _update(desk, row, State.REJECTED)
    assert desk.row(row).state == State.ENTERED


def test_an_entry_without_its_event_fails_at_commit(desk: Desk) -> None:
    model = desk.enter()
    row = Operation(
        **{f.attname: getattr(model, f.attname) for f in Operation._meta.local_fields if f.attname != "id"}
    )
    with pytest.raises(IntegrityError, match="without its ledger event"), tenant_scope(desk.tenant_id):
        row.save(force_insert=True)
    with tenant_scope(desk.tenant_id):
        assert not Operation.objects.filter(id=row.id).exists()


def test_the_event_of_another_operation_or_of_another_state_does_not_count(desk: Desk) -> None:
    row, other = desk.enter(), desk.enter()

    def move(told: Operation, state: State) -> None:
        with tenant_scope(desk.tenant_id):
            Operation.objects.filter(id=row.id).update(state=State.REJECTED)
            told.state = state
            record_many(
                desk.tenant_id,
                [event_of(told, "operation.moved", actor=desk.actor(Role.APPROVER), now=desk.clock())],
            )

    with pytest.raises(IntegrityError, match="without its ledger event"):
        move(other, State.REJECTED)
    with pytest.raises(IntegrityError, match="without its ledger event"):
        move(row, State.CONFIRMED)
    move(row, State.REJECTED)
    assert desk.row(row).state == State.REJECTED


def test_an_event_of_an_earlier_transaction_does_not_count(desk: Desk) -> None:
    row = desk.enter()
    row.state = State.REJECTED
    with tenant_scope(desk.tenant_id):
        record_many(
            desk.tenant_id,
            [event_of(row, "operation.rejected", actor=desk.actor(Role.APPROVER), now=desk.clock())],
        )
    with pytest.raises(IntegrityError, match="without its ledger event"):
        _update(desk, row, State.REJECTED)


def test_no_row_is_entered_as_if_it_were_confirmed_by_nobody(desk: Desk) -> None:
    """Whoever skips the one path must at least name whose confirmation it rests on."""
    model = desk.enter()
    row = Operation(
        **{f.attname: getattr(model, f.attname) for f in Operation._meta.local_fields if f.attname != "id"}
    )
    row.state, row.work_at = State.CONFIRMED, desk.clock()
    with pytest.raises(IntegrityError, match="confirmed_by_somebody"), tenant_scope(desk.tenant_id):
        row.save(force_insert=True)
