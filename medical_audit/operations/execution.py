"""Carrying out confirmed operations of one lane: look, record the intent, call, record the outcome, look again.

No outside call is made inside a transaction; none is made without its committed intent event; each write of a
result proves that the lane is still ours. A worker that dies leaves rows in RUNNING: the next holder of the lane
turns those whose call was under way into UNKNOWN and settles them by looking.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import structlog

from medical_audit.domain.actor import Actor, system_actor
from medical_audit.domain.errors import LeaseLost, Refused
from medical_audit.domain.kinds import Drop, Fail, Go, Kind, Later, Verdict, get_kind
from medical_audit.domain.states import WORKABLE, Phase, State
from medical_audit.models import Lane, Operation
from medical_audit.models.lane import Breaker
from medical_audit.operations import results, stopping
from medical_audit.operations.authorising import still_confirmed
from medical_audit.operations.lanes import Lease, lease_lane, note_health, release_lane
from medical_audit.operations.moves import event_of, finish, locked, save_moves
from medical_audit.queries.compared import digest_of
from medical_audit.tenancy import tenant_scope

TAKE = 1000
POISON_WAIT = timedelta(seconds=60)
log = structlog.get_logger(__name__)


def drain_lane(tenant_id: UUID, lane: str, *, worker: str, clock: Callable[[], datetime]) -> int:
    """Work off what is due in this lane; returns how many operations were served (0: nothing due, or not ours)."""
    lease = None if stopping.asked() else lease_lane(tenant_id, lane, worker=worker, clock=clock)
    if lease is None:
        return 0
    served: set[UUID] = set()
    try:
        while _goes_on(lease) and (batch := _take(lease, served)):
            served.update(operation.id for operation in batch)
            for kind, operations in _by_kind(lease, batch):
                if _goes_on(lease):
                    _serve_each_other(lease, kind, operations)
    except LeaseLost:
        log.warning("lease_lost", lane=lane, worker=worker, fence=lease.fence)
    finally:
        release_lane(lease)
    return len(served)


def _goes_on(lease: Lease) -> bool:
    """May another batch be begun? Not once the breaker has opened, nor in a process that is asked to stop."""
    return not lease.paused and not stopping.asked()


def _actor(lease: Lease) -> Actor:
    return system_actor(lease.tenant_id, lease.worker)


def _take(lease: Lease, served: set[UUID]) -> list[Operation]:
    """Due rows of the lane, each at most once a round; rows that a dead worker left mid-call become UNKNOWN first."""
    with tenant_scope(lease.tenant_id):
        lease.hold()
        now = lease.clock()
        due = Operation.objects.filter(lane=lease.lane, work_at__lte=now, state__in=WORKABLE).exclude(
            id__in=served
        )
        batch = list(due.select_for_update(skip_locked=True).order_by("work_at", "id")[:TAKE])
        moved, events = [], []
        for operation in batch:
            if operation.state == State.RUNNING and operation.phase == Phase.CALLING:
                events += results.lost(operation, actor=_actor(lease), now=now)
                moved.append(operation)
        save_moves(lease.tenant_id, moved, events)
    return batch


def _by_kind(lease: Lease, batch: Sequence[Operation]) -> Iterator[tuple[Kind, list[Operation]]]:
    """Batches of one kind, the kind that was entered first before the others, neighbours by its group key. A kind that only a newer version of us knows is left to it."""
    first: dict[str, datetime] = {}
    for row in batch:
        first[row.kind] = min(row.entered_at, first.get(row.kind, row.entered_at))
    for name, rows in groupby(
        sorted(batch, key=lambda row: (first[row.kind], row.kind)), key=lambda row: row.kind
    ):
        try:
            kind = get_kind(name)
        except Refused as refused:
            log.warning(refused.code, lane=lease.lane, kind=name)
            _postpone(lease, list(rows), refused.code)
            continue
        ordered = sorted(rows, key=lambda row: (-_company(row, kind), kind.group_key(row), row.id.int))
        for size, alike in groupby(ordered, key=lambda row: _company(row, kind)):
            same = list(alike)
            for start in range(0, len(same), size):
                yield kind, same[start : start + size]


def _company(row: Operation, kind: Kind) -> int:
    """With how many others a row may be called. After each worker that died in its call with a tenth of them, so that
    a row that kills workers ends alone, and its neighbours do not share its end."""
    suspect = row.state == State.CONFIRMED and row.outcome == results.WORKER_LOST
    return max(1, kind.batch // 10**row.attempts) if suspect else kind.batch


def _serve_each_other(lease: Lease, kind: Kind, operations: Sequence[Operation]) -> None:
    """Serve a batch; if serving it breaks, serve its rows one by one, so that a poisonous row harms only itself."""
    try:
        _serve(lease, kind, operations)
    except LeaseLost:
        raise
    except Exception:
        log.exception("serving_failed", lane=lease.lane, kind=kind.name, operations=len(operations))
        if len(operations) == 1:
            _write_broken(lease, kind, operations)
            return
        for operation in _still_due(lease, operations):
            _serve_each_other(lease, kind, [operation])


def _still_due(lease: Lease, operations: Sequence[Operation]) -> list[Operation]:
    """Rows of a broken batch that are still to be served now: those whose call was under way are settled by the next
    round, those that were told to wait wait."""
    with tenant_scope(lease.tenant_id):
        mine = Operation.objects.filter(id__in=[row.id for row in operations], state__in=WORKABLE)
        rows = mine.filter(work_at__lte=lease.clock())
        return list(rows.exclude(phase=Phase.CALLING))


def _write_broken(lease: Lease, kind: Kind, operations: Sequence[Operation]) -> None:
    """An error of our own: what was called was not seen, what is not called yet waits."""
    called = [row for row in _still_due(lease, operations) if row.state != State.CONFIRMED]
    unseen = dict.fromkeys((row.id for row in called), Later("internal_error", POISON_WAIT, seen=False))
    with tenant_scope(lease.tenant_id):
        _move(lease, kind, called, unseen, results.after_looking)
    _postpone(lease, operations, "internal_error")


def _postpone(lease: Lease, operations: Sequence[Operation], outcome: str) -> None:
    """Try again later; nothing moves, so nothing is recorded. What was called keeps what is known of its call."""
    with tenant_scope(lease.tenant_id):
        lease.hold()
        later = lease.clock() + POISON_WAIT
        rows = Operation.objects.filter(id__in=[row.id for row in operations], state__in=WORKABLE)
        rows.exclude(phase=Phase.CALLING).update(work_at=later)
        rows.filter(state=State.CONFIRMED).update(outcome=outcome)


def _serve(lease: Lease, kind: Kind, operations: Sequence[Operation]) -> None:
    executor = kind.executor
    assert executor is not None
    now = lease.clock()
    with tenant_scope(lease.tenant_id):
        lease.hold()
        plan = executor.prepare(operations, now)
    watched = [row for row in operations if row.state != State.CONFIRMED]
    waiting = [row for row in operations if row.state == State.CONFIRMED]
    if watched:
        seen = executor.observe(plan, watched, now)
        _write(lease, kind, watched, plan, seen.verdicts, results.after_looking)
        note_health(lease, seen.health, seen.health_code)
    if not waiting or lease.paused:
        return
    looked = executor.check(plan, waiting, now)
    stopped = [row for row in waiting if not isinstance(looked.verdicts.get(row.id), Go)]
    _write(lease, kind, stopped, plan, looked.verdicts, results.before_calling)
    note_health(lease, looked.health, looked.health_code)
    notes = {key: verdict.detail for key, verdict in looked.verdicts.items() if isinstance(verdict, Go)}
    ready = _intend(lease, kind, [row for row in waiting if row.id in notes], notes, plan)
    if ready:
        answered = executor.call(plan, ready, lease.keep)
        _write(lease, kind, ready, plan, answered.verdicts, results.after_calling)
        note_health(lease, answered.health, answered.health_code)


def _intend(
    lease: Lease,
    kind: Kind,
    operations: Sequence[Operation],
    notes: Mapping[UUID, Mapping[str, Any] | None],
    plan: Any,
) -> list[Operation]:
    """Commit the intent: RUNNING, attempt counted, event written, authority and objections asked once more. Only these
    may be called."""
    if not operations:
        return []
    with tenant_scope(lease.tenant_id):
        lease.hold()
        now = lease.clock()
        rows = locked([row.id for row in operations], State.CONFIRMED)
        objections = kind.objections(rows, now)
        ready, events = [], []
        for row in rows:
            verdict = _stop_reason(row, kind) or objections.get(row.id)
            if now > row.deadline:
                events += results.overdue(row, actor=_actor(lease), now=now)
            elif verdict is None:
                row.state, row.phase, row.fence = State.RUNNING, Phase.CALLING, lease.fence
                row.attempts, row.called_at, row.work_at = row.attempts + 1, now, now
                ready.append(row)
                row.outcome_detail = dict(notes[row.id] or {})
                events.append(event_of(row, "operation.called", actor=_actor(lease), now=now, attempt=row.attempts,
                                       digest=row.digest, detail=row.outcome_detail))  # fmt: skip
            else:
                events += results.before_calling(row, kind, verdict, actor=_actor(lease), now=now)
        save_moves(lease.tenant_id, rows, events)
        if ready and kind.executor is not None:
            kind.executor.intend(plan, ready, now)
    order = {row.id: place for place, row in enumerate(operations)}
    return sorted(ready, key=lambda row: order[row.id])


def _stop_reason(row: Operation, kind: Kind) -> Fail | Drop | None:
    """Why an operation that was fine to call a moment ago must not be called after all."""
    if row.attempts >= kind.max_attempts and row.outcome not in kind.patient:
        return Fail("attempts_exhausted")
    if digest_of(row) != row.digest:
        return Fail("stale_content")
    person_confirmed = row.policy != "schedule"
    if person_confirmed and not still_confirmed(row, kind):
        return Drop("authority_revoked")
    return None


def _write(
    lease: Lease,
    kind: Kind,
    operations: Sequence[Operation],
    plan: Any,
    verdicts: Mapping[UUID, Verdict],
    rule: results.Rule,
) -> None:
    """Write what the outside said, row by row, in one transaction that holds the lane."""
    if not operations:
        return
    with tenant_scope(lease.tenant_id):
        now = _move(lease, kind, operations, verdicts, rule)
        if kind.executor is not None:
            kind.executor.remember(plan, now)


def _move(
    lease: Lease,
    kind: Kind,
    operations: Sequence[Operation],
    verdicts: Mapping[UUID, Verdict],
    rule: results.Rule,
) -> datetime:
    """Inside the caller's transaction; gives the moment at which it was written."""
    lease.hold()
    now = lease.clock()
    events, rows = [], []
    for state in {row.state for row in operations}:
        for row in locked([row.id for row in operations if row.state == state], State(state)):
            verdict = verdicts.get(row.id) or results.SILENCE[rule]
            events += rule(row, kind, verdict, actor=_actor(lease), now=now)
            rows.append(row)
    save_moves(lease.tenant_id, rows, events)
    return now


def expire_overdue(tenant_id: UUID, *, actor: Actor, now: datetime) -> int:
    """Close what waited too long: approvals expire, what the clock wanted is MISSED, what a person wanted EXPIRED."""
    with tenant_scope(tenant_id):
        unapproved = list(
            Operation.objects.filter(state=State.ENTERED, approval_expires_at__lt=now).select_for_update(
                skip_locked=True
            )
        )
        unstarted = list(
            Operation.objects.filter(state=State.CONFIRMED, deadline__lt=now).select_for_update(
                skip_locked=True
            )
        )
        paused = dict(Lane.objects.exclude(breaker=Breaker.CLOSED).values_list("name", "breaker_reason"))
        events = []
        for row in unapproved:
            finish(row, State.EXPIRED, "not_approved_in_time", now)
            events.append(
                event_of(row, "operation.expired", actor=actor, now=now, code="not_approved_in_time")
            )
        for row in unstarted:
            events += results.overdue(row, actor=actor, now=now, why=paused.get(row.lane, ""))
        rows = [*unapproved, *unstarted]
        save_moves(tenant_id, rows, events)
    return len(rows)
