"""Confirming: one winner, with a fresh proof, for exactly what was shown, by somebody who still may."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from accounts.domain.permissions import Role
from medical_audit.domain.actor import Actor, Reauthentication
from medical_audit.domain.canonical import digest
from medical_audit.domain.errors import (
    AlreadyMoved,
    NotReauthenticated,
    Refused,
    StaleContent,
)
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from tests.conftest import AsRole
from tests.factories import change, make_cast, proof, revoke
from tests.medical_audit.desk import APPLIED, APPLY, OTHER, SELF, Desk, make_desk
from tests.medical_audit.support import Database
from tests.medical_audit.threads import race

V, P, A, D, U = Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR, Role.AUDITOR
REJECT, CANCEL = "operation.reject", "operation.cancel"


VALID = timedelta(seconds=settings.REAUTHENTICATION_VALID_S)
PROOFS: list[tuple[str, Callable[[Reauthentication], Reauthentication | None], bool]] = [
    ("none", lambda good: None, False),
    ("of another person", lambda good: replace(good, user_id=str(uuid.uuid4())), False),
    ("just in time", lambda good: replace(good, at=good.at - VALID), True),
    ("too old", lambda good: replace(good, at=good.at - VALID - timedelta(microseconds=1)), False),
    ("from the future", lambda good: replace(good, at=good.at + timedelta(seconds=6)), False),
    ("fresh", lambda good: good, True),
]


@pytest.mark.parametrize(("change", "enough"), [row[1:] for row in PROOFS], ids=[row[0] for row in PROOFS])
def test_a_confirmation_needs_the_confirmers_own_fresh_proof(
    change: Callable[[Reauthentication], Reauthentication | None], enough: bool, desk: Desk
) -> None:
    operation, actor, now = desk.enter(), desk.actor(A), desk.clock()
    given: dict[str, Any] = {
        "actor": actor,
        "now": now,
        "seen_digest": operation.digest,
        "proof": change(proof(actor, now)),
    }
    if enough:
        assert entry.confirm(operation.id, **given).state == State.CONFIRMED
    else:
        with pytest.raises(NotReauthenticated):
            entry.confirm(operation.id, **given)
        assert desk.row(operation).state == State.ENTERED
        assert desk.story(operation) == ["entered"]


def test_what_was_seen_must_be_what_is_confirmed(desk: Desk) -> None:
    operation, other, actor = desk.enter(), desk.enter(), desk.actor(A)
    for seen in ("", other.digest, operation.digest[:-1]):
        with pytest.raises(StaleContent):
            entry.confirm(
                operation.id,
                actor=actor,
                now=desk.clock(),
                seen_digest=seen,
                proof=proof(actor, desk.clock()),
            )
    assert desk.row(operation).state == State.ENTERED


def test_the_digest_covers_kind_target_parameters_and_what_is_shown(desk: Desk) -> None:
    row = desk.enter(parameters={"a": 1})
    assert row.digest == digest(
        {
            "kind": OTHER,
            "target": {"type": "ec2", "id": row.target_id, "name": row.target_name, "lane": desk.lane},
            "parameters": {"a": 1},
            "shown": {"sentence": OTHER, "target": row.target_id},
        }
    )


#: In full (`TOBAN_RACE=full`) the race is 200 requests by 20 threads.
RACED = 200 if os.environ.get("TOBAN_RACE") == "full" else 20

CHANGED = [
    ("target_id", "'i-other'"),
    ("target_name", "'other'"),
    ("lane", "'x/y'"),
    ("parameters", """'{"a": 2}'"""),
    ("shown", """'{"sentence": "harmless"}'"""),
    ("kind", f"'{SELF}'"),
]


def alter(database: Database, operation: Operation, column: str, value: str) -> None:
    """Change a row past its guard, as only a superuser can."""
    table = "medical_audit_operation"
    with database.transaction():
        database.execute(f"ALTER TABLE {table} DISABLE TRIGGER guard_operation")
        database.execute(f"UPDATE {table} SET {column} = {value} WHERE id = %s", [operation.id])
        database.execute(f"ALTER TABLE {table} ENABLE TRIGGER guard_operation")


@pytest.mark.parametrize(("column", "value"), CHANGED)
def test_a_row_that_was_changed_in_the_database_cannot_be_confirmed(
    column: str, value: str, desk: Desk, superuser_connection: Database
) -> None:
    operation = desk.enter()
    alter(superuser_connection, operation, column, value)
    with pytest.raises(StaleContent):
        desk.confirm(operation)


@pytest.mark.parametrize(("column", "value"), [row for row in CHANGED if row[0] != "lane"])
def test_a_row_that_was_changed_after_its_confirmation_is_not_called(
    column: str, value: str, desk: Desk, superuser_connection: Database
) -> None:
    operation = desk.confirm(desk.enter())
    alter(superuser_connection, operation, column, value)
    desk.drain()
    row = desk.row(operation)
    assert (row.state, row.outcome) == (State.FAILED, "stale_content")
    assert desk.outside.called() == []


def test_a_confirmation_must_come_before_the_approval_expires(desk: Desk) -> None:
    late, just = desk.enter(), desk.enter()
    desk.clock.pass_(hours=24)
    assert desk.confirm(just).state == State.CONFIRMED
    desk.clock.pass_(seconds=1)
    with pytest.raises(Refused, match="approval_expired"):
        desk.confirm(late)


def test_twenty_people_confirm_the_same_operations_and_each_has_one_winner(desk: Desk) -> None:
    operations = [desk.enter() for _ in range(RACED)]
    actor = desk.actor(A)

    def confirm_all(number: int) -> list[uuid.UUID]:
        won = []
        for operation in random.Random(number).sample(operations, len(operations)):
            try:
                desk.confirm_as(operation, actor)
            except AlreadyMoved:
                continue
            won.append(operation.id)
        return won

    results = race(20, confirm_all)
    assert [result for result in results if isinstance(result, Exception)] == []
    won = [one for result in results if isinstance(result, list) for one in result]
    assert sorted(won) == sorted(operation.id for operation in operations)
    assert all(desk.story(operation) == ["entered", "confirmed"] for operation in operations)


def test_confirming_and_rejecting_at_once_has_one_winner(desk: Desk) -> None:
    for _ in range(5):
        operation = desk.enter()
        actors = [desk.actor(A), desk.actor(D)]

        def move(number: int, operation: Operation = operation, actors: list[Actor] = actors) -> Operation:
            if number:
                return entry.reject(operation.id, actor=actors[1], now=desk.clock(), reason="no")
            return desk.confirm_as(operation, actors[0])

        outcomes = race(2, move)
        assert sorted(isinstance(outcome, AlreadyMoved) for outcome in outcomes) == [False, True]
        assert len(desk.story(operation)) == 2


@pytest.mark.parametrize("loss", ["role", "account"])
def test_a_confirmer_who_lost_his_right_before_the_call_stops_it(loss: str, as_role: AsRole) -> None:
    desk = make_desk(make_cast())
    operation = desk.confirm(desk.enter())
    approver = desk.cast.people[A]
    if loss == "role":
        revoke(desk.tenant_id, approver)
    else:
        change(approver, is_active=False)
    desk.drain()
    row = desk.row(operation)
    assert (row.state, row.outcome) == (State.CANCELLED, "authority_revoked")
    assert desk.outside.called() == []
    assert desk.story(operation) == ["entered", "confirmed", "cancelled"]


def test_a_local_kind_is_applied_in_the_transaction_that_confirms_it(desk: Desk) -> None:
    operation = desk.confirm(desk.enter(APPLY, D))
    assert operation.id in APPLIED
    row = desk.row(operation)
    assert (row.state, row.outcome, row.outcome_detail, row.work_at) == (
        State.SUCCEEDED,
        "applied",
        {"done": "yes"},
        None,
    )
    assert desk.story(operation) == ["entered", "confirmed", "called", "succeeded"]


def test_a_local_kind_that_breaks_leaves_nothing_half_confirmed(desk: Desk) -> None:
    operation = desk.enter(APPLY, D, parameters={"break": True})
    with pytest.raises(ZeroDivisionError):
        desk.confirm(operation)
    assert desk.row(operation).state == State.ENTERED
    assert desk.story(operation) == ["entered"]
