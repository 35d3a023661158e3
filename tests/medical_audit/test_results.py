"""What every verdict does to a row, in each phase: state, events, and when it is looked at again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from medical_audit.domain.actor import system_actor
from medical_audit.domain.kinds import Accepted, Done, Drop, Fail, Go, Kind, Later, Unknown, Verdict, get_kind
from medical_audit.domain.states import Phase, State
from medical_audit.models import Operation
from medical_audit.operations import results
from medical_audit.operations.results import after_calling, after_looking, before_calling
from tests.factories import MONDAY_0830 as NOW
from tests.medical_audit.desk import SELF

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DEADLINE = NOW + timedelta(minutes=60)
Row = Callable[..., Operation]


@pytest.fixture(scope="module")
def kind() -> Kind:
    return get_kind(SELF)


def _row(state: State, phase: Phase = Phase.NONE, **changes: Any) -> Operation:
    given: dict[str, Any] = {
        "attempts": 1,
        "policy": "self",
        "deadline": DEADLINE,
        "work_at": NOW,
        "lane": "1/x",
    }
    return Operation(
        id=uuid.uuid4(), tenant_id=uuid.uuid4(), kind=SELF, state=state, phase=phase, **given | changes
    )


def confirmed(**changes: Any) -> Operation:
    return _row(State.CONFIRMED, **{"attempts": 0} | changes)


def calling(**changes: Any) -> Operation:
    return _row(State.RUNNING, Phase.CALLING, **changes)


def verifying(**changes: Any) -> Operation:
    return _row(State.RUNNING, Phase.VERIFYING, **{"verify_until": NOW + 10 * MINUTE} | changes)


def unknown(**changes: Any) -> Operation:
    return _row(State.UNKNOWN, **{"unknown_since": NOW} | changes)


@dataclass(frozen=True)
class Then:
    state: State
    outcome: str
    events: tuple[str, ...]
    work_at: datetime | None = None


S, F, C, R, X, N = (
    State.SUCCEEDED,
    State.FAILED,
    State.CONFIRMED,
    State.RUNNING,
    State.UNKNOWN,
    State.CANCELLED,
)
LATER = Later("busy", 30 * SECOND)
HOUR_LATER = Later("busy", timedelta(hours=2))

TABLE: list[tuple[str, results.Rule, Row, dict[str, Any], Verdict, Then]] = [
    # looking before the call
    ("fulfilled already", before_calling, confirmed, {}, Done("already"), Then(S, "already", ("succeeded",))),
    ("no longer wanted", before_calling, confirmed, {}, Drop("tags_changed"), Then(N, "tags_changed", ("cancelled",))),
    ("impossible", before_calling, confirmed, {}, Fail("gone"), Then(F, "gone", ("failed",))),
    ("not now", before_calling, confirmed, {}, LATER, Then(C, "busy", ("postponed",), NOW + 30 * SECOND)),
    ("still not", before_calling, confirmed, {"outcome": "busy"}, LATER, Then(C, "busy", (), NOW + 30 * SECOND)),
    ("not in time, a person", before_calling, confirmed, {}, HOUR_LATER, Then(F, "busy", ("failed",))),
    ("not in time, the clock", before_calling, confirmed, {"policy": "schedule"}, HOUR_LATER, Then(State.MISSED, "busy", ("missed",))),
    # the call's own answer
    ("taken", after_calling, calling, {}, Accepted("r", 5 * SECOND), Then(R, "", ("accepted",), NOW + 5 * SECOND)),
    ("done at once", after_calling, calling, {}, Done("tagged", "r"), Then(S, "tagged", ("succeeded",))),
    ("refused", after_calling, calling, {}, Fail("permission"), Then(F, "permission", ("failed",))),
    ("not sent", after_calling, calling, {}, LATER, Then(C, "busy", ("retried",), NOW + 30 * SECOND)),
    ("not sent, tries used up", after_calling, calling, {"attempts": 3}, LATER, Then(F, "attempts_exhausted", ("failed",))),
    ("not sent, no time, person", after_calling, calling, {}, HOUR_LATER, Then(F, "busy", ("failed",))),
    ("not sent, no time, clock", after_calling, calling, {"policy": "schedule"}, HOUR_LATER, Then(State.MISSED, "busy", ("missed",))),
    ("sent, no answer", after_calling, calling, {}, Unknown("no_answer"), Then(X, "no_answer", ("unknown",), NOW + 5 * SECOND)),
    # looking afterwards, while it is verified
    ("there", after_looking, verifying, {}, Done("reached"), Then(S, "reached", ("succeeded",))),
    ("fell back", after_looking, verifying, {}, Fail("fell_back"), Then(F, "fell_back", ("failed",))),
    ("on its way", after_looking, verifying, {}, LATER, Then(R, "", (), NOW + 30 * SECOND)),
    ("slowly on its way", after_looking, verifying, {}, HOUR_LATER, Then(R, "", (), NOW + MINUTE)),
    ("too slowly", after_looking, verifying, {"verify_until": NOW - SECOND}, LATER, Then(F, "did_not_reach", ("failed",))),
    ("nothing happened", after_looking, verifying, {}, Go(), Then(C, "not_applied", ("retried",), NOW)),
    ("nothing happened, tries used up", after_looking, verifying, {"attempts": 3}, Go(), Then(F, "attempts_exhausted", ("failed",))),
    # settling what is unknown
    ("it had worked", after_looking, unknown, {}, Done("reached"), Then(S, "reached", ("succeeded",))),
    ("it had failed", after_looking, unknown, {}, Fail("gone"), Then(F, "gone", ("failed",))),
    ("it never arrived", after_looking, unknown, {}, Go(), Then(C, "not_applied", ("retried",), NOW)),
    ("never arrived, too late, clock", after_looking, unknown, {"policy": "schedule", "deadline": NOW - SECOND}, Go(), Then(State.MISSED, "not_applied", ("missed",))),
    ("never arrived, too late, person", after_looking, unknown, {"deadline": NOW - SECOND}, Go(), Then(F, "not_applied", ("failed",))),
    ("cannot be seen yet", after_looking, unknown, {"outcome": "no_answer"}, LATER, Then(X, "no_answer", (), NOW + 30 * SECOND)),
    ("long unseen", after_looking, unknown, {"deadline": NOW - 60 * MINUTE}, LATER, Then(X, "", (), NOW + 30 * SECOND)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "make", "changes", "verdict", "then"), [r[1:] for r in TABLE], ids=[r[0] for r in TABLE]
)
def test_what_a_verdict_does(
    rule: results.Rule, make: Row, changes: dict[str, Any], verdict: Verdict, then: Then, kind: Kind
) -> None:
    row = make(**changes)
    events = rule(row, kind, verdict, actor=system_actor(row.tenant_id, "w"), now=NOW)
    seen = Then(
        State(row.state), row.outcome, tuple(e.kind.removeprefix("operation.") for e in events), row.work_at
    )
    assert seen == then
    assert all(event.detail["state"] == row.state for event in events)
    assert (row.finished_at == NOW) == (row.work_at is None)


@pytest.mark.parametrize(
    ("rule", "make", "verdicts"),
    [
        (before_calling, confirmed, [Go(), Accepted("r", SECOND), Unknown("x")]),
        (after_calling, calling, [Go(), Drop("x")]),
        (after_looking, verifying, [Accepted("r", SECOND), Drop("x"), Unknown("x")]),
    ],
)
def test_a_verdict_that_answers_another_question_is_a_programming_error(
    rule: results.Rule, make: Row, verdicts: list[Verdict], kind: Kind
) -> None:
    for verdict in verdicts:
        with pytest.raises(TypeError, match="is no answer"):
            rule(make(), kind, verdict, actor=system_actor(uuid.uuid4(), "w"), now=NOW)


def test_the_request_id_of_an_accepted_call_is_kept_to_the_end(kind: Kind) -> None:
    row = calling()
    actor = system_actor(row.tenant_id, "w")
    after_calling(row, kind, Accepted("req-7", SECOND), actor=actor, now=NOW)
    assert (row.phase, row.accepted_at, row.verify_until) == (Phase.VERIFYING, NOW, NOW + kind.verify_within)
    (event,) = after_looking(row, kind, Done("reached"), actor=actor, now=NOW)
    assert (row.request_id, event.detail["request_id"]) == ("req-7", "req-7")


def test_what_was_unknown_and_is_tried_again_is_unknown_no_longer(kind: Kind) -> None:
    row = unknown()
    after_looking(row, kind, Go(), actor=system_actor(row.tenant_id, "w"), now=NOW)
    assert (row.unknown_since, row.phase) == (None, Phase.NONE)


def test_codes_and_ids_from_outside_never_overflow_their_columns(kind: Kind) -> None:
    for verdict in (
        Later("c" * 300, SECOND),
        Unknown("c" * 300, "r" * 300),
        Done("c" * 300, "r" * 300),
        Fail("c" * 300, "r" * 300),
    ):
        row = calling()
        after_calling(row, kind, verdict, actor=system_actor(row.tenant_id, "w"), now=NOW)
        assert len(row.outcome) <= 60
        assert len(row.request_id) <= 100


def test_a_postponement_with_a_long_reason_is_told_once(kind: Kind) -> None:
    row, actor = confirmed(), system_actor(uuid.uuid4(), "w")
    wait = Later("c" * 300, SECOND)
    told = [len(before_calling(row, kind, wait, actor=actor, now=NOW)) for _ in range(3)]
    assert told == [1, 0, 0]
