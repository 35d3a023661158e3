"""Faults 1, 2, 4, 21 and 64: death and sleep exactly before, inside and after the call."""

import pytest

from medical_audit.domain.states import State
from tests.chaos.conftest import HerdOf
from tests.chaos.field import Field, Trap
from tests.chaos.judge import judge, story_of
from tests.chaos.places import wait_until
from tests.factories import Cast

pytestmark = pytest.mark.chaos
START = {"action": "StartInstances"}
LOOK = {"action": "DescribeInstances"}
WITHIN = 90.0
#: A dead worker's lane comes free soon, and whoever is caught in a trap has time to be treated badly there.
PATIENT = {"LEASE_S": 3.0, "AWS_READ_TIMEOUT_S": 30.0}


@pytest.fixture
def field(cast: Cast) -> Field:
    """One account with three servers that are due and entered."""
    made = Field([cast], accounts=1, servers=3)
    assert made.enter() == 3
    return made


def test_killed_while_looking_before_the_call_it_is_as_if_the_worker_had_never_come(
    field: Field, herd_of: HerdOf
) -> None:
    trap = Trap(field.accounts[0], match=LOOK, hang_s=60, times=1)
    herd = herd_of(field, **PATIENT)
    (worker,) = herd.drain()
    wait_until("the worker looks", trap.holds, within=WITHIN)
    herd.kill(worker)
    herd.drain()
    wait_until("all have ended", lambda: field.settled(3), within=WITHIN)
    assert judge(field).faults() == {}
    assert [row.attempts for row in field.operations()] == [1, 1, 1]


def test_killed_inside_a_call_that_is_never_applied_it_is_found_out_by_looking_and_called_again(
    field: Field, herd_of: HerdOf
) -> None:
    trap = Trap(field.accounts[0], match=START, hang_s=60, times=1)
    herd = herd_of(field, **PATIENT)
    (worker,) = herd.drain()
    wait_until("the call is under way", trap.holds, within=WITHIN)
    herd.kill(worker)
    herd.drain()
    wait_until("all have ended", lambda: field.settled(3), within=WITHIN)
    assert judge(field).faults() == {}
    for row in field.operations():
        assert story_of(row) == [
            "operation.entered", "operation.confirmed", "operation.called", "operation.unknown", "operation.retried",
            "operation.called", "operation.accepted", "operation.succeeded",
        ]  # fmt: skip


def test_killed_after_the_call_was_applied_it_is_found_done_by_looking_and_never_called_again(
    field: Field, herd_of: HerdOf
) -> None:
    trap = Trap(field.accounts[0], match=START, hold="after", times=1)
    herd = herd_of(field, **PATIENT)
    (worker,) = herd.drain()
    wait_until("the call is applied", trap.holds, within=WITHIN)
    herd.kill(worker)
    trap.open()
    herd.drain()
    wait_until("all have ended", lambda: field.settled(3), within=WITHIN)
    assert judge(field).faults() == {}
    assert len(field.calls()) == 1
    for row in field.operations():
        assert story_of(row) == [
            "operation.entered", "operation.confirmed", "operation.called", "operation.unknown", "operation.succeeded",
        ]  # fmt: skip


def test_an_answer_that_is_lost_is_settled_by_looking(field: Field, herd_of: HerdOf) -> None:
    field.accounts[0].fault(match=START, apply_then_lose=True, times=1)
    herd_of(field, **PATIENT).drain()
    wait_until("all have ended", lambda: field.settled(3), within=WITHIN)
    assert judge(field).faults() == {}
    assert len(field.calls()) == 1


def test_a_worker_that_slept_through_its_lease_before_the_call_makes_none(
    field: Field, herd_of: HerdOf
) -> None:
    trap = Trap(field.accounts[0], match=LOOK, hold="after", times=1)
    herd = herd_of(field, **PATIENT)
    (sleeper,) = herd.drain()
    wait_until("the worker looks", trap.holds, within=WITHIN)
    herd.freeze(sleeper)
    trap.open()
    herd.drain()
    wait_until("another worker has done it all", lambda: field.settled(3), within=WITHIN)
    herd.thaw(sleeper)
    wait_until(
        "the sleeper saw that its lease is lost", lambda: f"chaos:{sleeper}" in herd.said(), within=WITHIN
    )
    assert judge(field).faults() == {}
    assert len(field.calls()) == 1


def test_the_result_of_a_worker_that_slept_through_its_lease_after_the_call_is_refused(
    field: Field, herd_of: HerdOf
) -> None:
    trap = Trap(field.accounts[0], match=START, hold="after", times=1)
    herd = herd_of(field, **PATIENT)
    (sleeper,) = herd.drain()
    wait_until("the call is applied", trap.holds, within=WITHIN)
    herd.freeze(sleeper)
    trap.open()
    herd.drain()
    wait_until("another worker has settled it", lambda: field.settled(3), within=WITHIN)
    written = [(row.state, row.fence, row.request_id, story_of(row)) for row in field.operations()]
    herd.thaw(sleeper)
    wait_until(
        "the sleeper saw that its lease is lost", lambda: f"chaos:{sleeper}" in herd.said(), within=WITHIN
    )
    assert [(row.state, row.fence, row.request_id, story_of(row)) for row in field.operations()] == written
    assert judge(field).faults() == {}
    assert len(field.calls()) == 1


def test_a_row_whose_call_kills_every_worker_fails_and_its_neighbours_do_not(
    field: Field, herd_of: HerdOf
) -> None:
    poison = field.ids[field.accounts[0].lane][1]
    trap = Trap(field.accounts[0], match=START | {"body": poison}, hang_s=60)
    herd = herd_of(field, **PATIENT)
    deaths = 0

    def called_again_or_over() -> bool:
        return trap.fired() > deaths or field.settled(3)

    while not field.settled(3):
        (worker,) = herd.drain()
        wait_until("the next call, or the end", called_again_or_over, within=WITHIN)
        deaths = trap.fired()
        herd.kill(worker)
    assert field.of(poison).state == State.FAILED
    assert field.of(poison).outcome == "attempts_exhausted"
    assert deaths == 5
    assert field.states() == {State.SUCCEEDED: 2, State.FAILED: 1}
