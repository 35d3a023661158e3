"""What each verdict does to a row, as three small rules: before the call, after it, and when looking afterwards.

Each rule changes the row in memory and returns the events of that change; `execution` writes both together.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings

from medical_audit.domain.actor import Actor, EventDraft
from medical_audit.domain.kinds import Accepted, Again, Done, Drop, Fail, Go, Kind, Later, Unknown, Verdict
from medical_audit.domain.states import Phase, State
from medical_audit.models import Operation
from medical_audit.operations.moves import event_of, finish

LOOK_AGAIN_MAX = timedelta(minutes=1)
#: For so long what is unknown is only looked up; then people are told, and in the end it is left to them (ADR 4). No kind
#: waits longer than that for AWS (verify_within).
TOLD_AFTER, SETTLED_WITHIN = timedelta(minutes=15), timedelta(hours=24)
WORKER_LOST = "worker_lost"
"""Outcome of a row whose worker died in its call. It stays on the row until the next answer: see execution._company."""


class Rule(Protocol):
    def __call__(
        self, row: Operation, kind: Kind, verdict: Verdict, *, actor: Actor, now: datetime
    ) -> list[EventDraft]: ...


def before_calling(
    row: Operation, kind: Kind, verdict: Verdict, *, actor: Actor, now: datetime
) -> list[EventDraft]:
    """CONFIRMED rows for which the look before the call, or the intent, said something other than Go."""
    match verdict:
        case Done():
            return _end(row, State.SUCCEEDED, verdict, actor, now)
        case Drop():
            return _end(row, State.CANCELLED, verdict, actor, now)
        case Fail():
            return _end(row, State.FAILED, verdict, actor, now)
        case Later():
            return _wait(row, verdict, actor, now)
        case _:
            raise TypeError(f"{kind.name}: {verdict} is no answer to a look before the call")


def after_calling(
    row: Operation, kind: Kind, verdict: Verdict, *, actor: Actor, now: datetime
) -> list[EventDraft]:
    """RUNNING rows whose call was just made."""
    match verdict:
        case Accepted(request_id=request_id, look_in=look_in):
            row.phase, row.accepted_at, row.request_id = Phase.VERIFYING, now, request_id[:100]
            row.work_at, row.verify_until = now + look_in, now + kind.verify_within
            told = _plain(verdict.detail)
            row.outcome_detail = {**row.outcome_detail, **told}
            # Of an operation of several calls each says which one it was.
            step = {"step": told["step"]} if "step" in told else {}
            return [event_of(row, "operation.accepted", actor=actor, now=now, request_id=request_id, **step)]
        case Done():
            return _end(row, State.SUCCEEDED, verdict, actor, now)
        case Fail():
            return _end(row, State.FAILED, verdict, actor, now)
        case Later(code=code):
            return _retry(row, kind, code, now + verdict.wait, actor, now, verdict.detail)
        case Unknown(code=code):
            return _unknown(row, code, verdict, actor, now)
        case _:
            raise TypeError(f"{kind.name}: {verdict} is no answer to a call")


#: Where a verdict says how far the outside system is: kept while it is waited for, so that the page can tell.
SEEN = "aws_state"


def after_looking(
    row: Operation, kind: Kind, verdict: Verdict, *, actor: Actor, now: datetime
) -> list[EventDraft]:
    """RUNNING rows being verified, and UNKNOWN ones being settled."""
    match verdict:
        case Done() | Fail():
            state = State.SUCCEEDED if isinstance(verdict, Done) else State.FAILED
            return _end(row, state, verdict, actor, now)
        case Go():
            code = WORKER_LOST if row.outcome == WORKER_LOST else "not_applied"
            return _retry(row, kind, code, now, actor, now, None)
        case Again(code=code):
            return _retry(row, kind, code, now + verdict.wait, actor, now, verdict.detail)
        case Later():
            return _not_there(row, verdict, actor, now)
        case _:
            raise TypeError(f"{kind.name}: {verdict} is no answer to a look after the call")


def _not_there(row: Operation, verdict: Later, actor: Actor, now: datetime) -> list[EventDraft]:
    """Not to be judged yet. What was accepted is waited for until `verify_until`; what is unknown and cannot
    be looked at is told then, once; it ends a day after it became so."""
    late = row.verify_until is not None and now > row.verify_until
    if row.state == State.RUNNING and late and verdict.seen:
        return _end(row, State.FAILED, Fail("did_not_reach", detail=verdict.detail), actor, now)
    if row.state == State.RUNNING and late:
        return _unknown(row, verdict.code, Unknown(verdict.code, detail=verdict.detail), actor, now)
    if row.state == State.UNKNOWN and now > (row.unknown_since or row.entered_at) + SETTLED_WITHIN:
        detail = {**row.outcome_detail, **_plain(verdict.detail), "last": verdict.code}
        return _end(row, State.FAILED, Fail("outcome_unknown", detail=detail), actor, now)
    row.work_at = now + min(verdict.wait, LOOK_AGAIN_MAX)
    if seen := (verdict.detail or {}).get(SEEN):
        row.outcome_detail = {**row.outcome_detail, SEEN: str(seen)[:60]}
    if not late or verdict.seen:
        return []
    row.verify_until = None
    return [event_of(row, "operation.unsettled", actor=actor, now=now, code=verdict.code)]


#: What it means that a round says nothing of a row: never that it may go, and of a call never that it had no effect.
SILENCE: dict[Rule, Verdict] = {
    before_calling: Later("no_verdict", LOOK_AGAIN_MAX),
    after_calling: Unknown("no_verdict"),
    after_looking: Later("no_verdict", LOOK_AGAIN_MAX, seen=False),
}


def overdue(row: Operation, *, actor: Actor, now: datetime, why: str = "") -> list[EventDraft]:
    """CONFIRMED rows that were not begun by their deadline: what the clock wanted is MISSED, a person's wish EXPIRED."""
    state = State.MISSED if row.policy == "schedule" else State.EXPIRED
    code = row.outcome or why or "not_started_in_time"
    finish(row, state, code, now, row.outcome_detail)
    return [event_of(row, _EVENTS[state], actor=actor, now=now, code=code)]


_EVENTS = {
    State.SUCCEEDED: "operation.succeeded",
    State.FAILED: "operation.failed",
    State.CANCELLED: "operation.cancelled",
    State.MISSED: "operation.missed",
    State.EXPIRED: "operation.expired",
}


def _end(
    row: Operation, state: State, verdict: Done | Drop | Fail, actor: Actor, now: datetime
) -> list[EventDraft]:
    request_id = "" if isinstance(verdict, Drop) else verdict.request_id
    row.request_id = (request_id or row.request_id)[:100]
    detail = _plain(verdict.detail)
    finish(row, state, verdict.code[:60], now, detail)
    return [
        event_of(
            row,
            _EVENTS[state],
            actor=actor,
            now=now,
            code=verdict.code,
            request_id=row.request_id,
            detail=detail,
        )
    ]


def _wait(row: Operation, verdict: Later, actor: Actor, now: datetime) -> list[EventDraft]:
    """Not called yet: look again later, or give up at the deadline. Only a new reason is an event."""
    if now + verdict.wait > row.deadline:
        return _give_up(row, verdict.code, actor, now)
    known = row.outcome == verdict.code[:60]
    row.work_at, row.outcome, row.outcome_detail = (
        now + verdict.wait,
        verdict.code[:60],
        _plain(verdict.detail),
    )
    if known:
        return []
    return [
        event_of(
            row, "operation.postponed", actor=actor, now=now, code=verdict.code, detail=row.outcome_detail
        )
    ]


def _retry(
    row: Operation,
    kind: Kind,
    code: str,
    at: datetime,
    actor: Actor,
    now: datetime,
    detail: Mapping[str, Any] | None,
) -> list[EventDraft]:
    """Provably not applied: back to the queue, unless tries or time are used up."""
    if row.attempts >= kind.max_attempts and code not in kind.patient:
        return _end(
            row, State.FAILED, Fail("attempts_exhausted", detail={**_plain(detail), "last": code}), actor, now
        )
    if at > row.deadline:
        return _give_up(row, code, actor, now)
    row.state, row.phase, row.work_at = State.CONFIRMED, Phase.NONE, at
    row.outcome, row.outcome_detail, row.unknown_since = code[:60], _plain(detail), None
    return [
        event_of(
            row,
            "operation.retried",
            actor=actor,
            now=now,
            code=code,
            attempt=row.attempts,
            detail=row.outcome_detail,
        )
    ]


def _give_up(row: Operation, code: str, actor: Actor, now: datetime) -> list[EventDraft]:
    """The deadline is reached: the clock's wish is MISSED, a person's has FAILED."""
    state = State.MISSED if row.policy == "schedule" else State.FAILED
    return _end(row, state, Fail(code), actor, now)


def lost(row: Operation, *, actor: Actor, now: datetime) -> list[EventDraft]:
    """RUNNING rows whose worker died in its call: looked up at once."""
    return _nobody_knows(row, WORKER_LOST, now, actor, now, {})


def _unknown(row: Operation, code: str, verdict: Unknown, actor: Actor, now: datetime) -> list[EventDraft]:
    row.outcome_detail = _plain(verdict.detail)
    row.request_id = (verdict.request_id or row.request_id)[:100]
    at = now + timedelta(seconds=settings.SETTLE_AFTER_S)
    return _nobody_knows(row, code, at, actor, now, row.outcome_detail)


def _nobody_knows(
    row: Operation, code: str, at: datetime, actor: Actor, now: datetime, detail: dict[str, Any]
) -> list[EventDraft]:
    row.state, row.phase, row.unknown_since, row.outcome = State.UNKNOWN, Phase.NONE, now, code[:60]
    row.work_at, row.verify_until = at, now + TOLD_AFTER
    return [event_of(row, "operation.unknown", actor=actor, now=now, code=code, detail=detail)]


def _plain(detail: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(detail) if detail else {}
