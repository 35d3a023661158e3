"""What the clock enters: each due instant once, under the authority of a person who is named."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.domain.permissions import Role
from medical_audit.domain.kinds import Authority, Fail
from medical_audit.domain.states import State
from medical_audit.operations.automatic import enter_due
from tests.conftest import AsRole
from tests.medical_audit.desk import Desk
from tests.medical_audit.threads import race


def test_two_ticks_at_once_enter_each_due_instant_once(desk: Desk, as_role: AsRole) -> None:
    keys = [f"key-{number}" for number in range(30)]
    desk.authority()
    with as_role("scheduler"):
        entered = race(2, lambda number: enter_due(
            [desk.due(key) for key in (keys if number else reversed(keys))], actor=desk.clockwork(), now=desk.clock()))  # fmt: skip
    assert all(isinstance(rows, list) for rows in entered)
    rows = [row for one in entered if isinstance(one, list) for row in one]
    assert sorted(row.target_id for row in rows) == sorted(keys)
    assert all(desk.story(row) == ["entered", "confirmed"] for row in rows)


def test_a_later_tick_enters_nothing_twice_whatever_became_of_it(desk: Desk) -> None:
    (first,) = desk.scheduled("once")
    desk.outside.check = lambda row: Fail("gone")
    desk.drain()
    assert desk.row(first).state == State.FAILED
    assert desk.scheduled("once") == []


def test_what_the_clock_enters_names_the_person_behind_it(desk: Desk) -> None:
    (row,) = desk.scheduled("named")
    stored = desk.row(row)
    assert (stored.state, stored.policy, stored.entered_by_type) == (State.CONFIRMED, "schedule", "schedule")
    approver = desk.actor(Role.APPROVER)
    assert (stored.confirmed_by_id, stored.confirmed_by_name) == (approver.id, approver.name)
    assert stored.authority["operation"] == desk.authority().operation


def test_the_clock_needs_a_person_behind_it(desk: Desk) -> None:
    nobody = desk.due("x", authority=Authority("tags", "op-1", "", ""))
    with pytest.raises(ValueError, match="no person stands behind"):
        enter_due([nobody], actor=desk.clockwork(), now=desk.clock())


def test_what_comes_too_late_is_entered_as_missed_and_never_called(desk: Desk, as_role: AsRole) -> None:
    due = desk.due("late", at=desk.clock() - timedelta(hours=2), missed="grace_passed")
    with as_role("scheduler"):
        (row,) = enter_due([due], actor=desk.clockwork(), now=desk.clock())
    assert desk.drain() == 0
    assert (desk.row(row).state, desk.row(row).outcome) == (State.MISSED, "grace_passed")
    assert desk.story(row) == ["entered", "missed"]


def test_what_is_refused_before_the_call_keeps_its_row_and_its_reason(desk: Desk, as_role: AsRole) -> None:
    due = desk.due("no", target=desk.target("no", refused="gone"))
    with as_role("scheduler"):
        (row,) = enter_due([due], actor=desk.clockwork(), now=desk.clock())
    assert (desk.row(row).state, desk.row(row).outcome) == (State.FAILED, "gone")
    assert desk.story(row) == ["entered", "failed"]
