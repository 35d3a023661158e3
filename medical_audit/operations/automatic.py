"""Entries that the clock makes, under an authority that a named person confirmed."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from medical_audit.domain.actor import Actor, EventDraft, Principal, Subject
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import Authority, OperationTarget, get_kind
from medical_audit.domain.states import AUTHORISING, State
from medical_audit.models import Operation
from medical_audit.operations.entry import NAME_MAX, draft
from medical_audit.operations.ledger import record_many
from medical_audit.operations.moves import event_of, finish
from medical_audit.tenancy import tenant_scope

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Due:
    """One automatic entry. `dedupe_key` holds the due instant, so that however many ticks see it, it is one row.

    `missed` (a code) enters it as already MISSED: its time has passed beyond its grace, and people must see that.
    `grace`: how late it may still be done, where the kind's own does not hold.
    """

    kind: str
    target: OperationTarget
    parameters: Mapping[str, Any]
    due_at: datetime
    dedupe_key: str
    authority: Authority
    reason: Mapping[str, Any]
    missed: str = ""
    grace: timedelta | None = None


def enter_due(dues: Sequence[Due], *, actor: Actor, now: datetime) -> list[Operation]:
    """Enter those that no earlier tick entered; returns the new rows, refused ones as FAILED.

    What rests on nobody's confirmation is left out with an event, and takes nothing else with it: the database refuses
    such rows, and with one of them all of its statement. Raises NotPermitted when the acting clock lacks a kind's right,
    ValueError for an authority without a person.
    """
    rows = [_row(due, actor=actor, now=now) for due in sorted(dues, key=lambda due: due.dedupe_key)]
    with tenant_scope(actor.tenant_id):
        rows = _confirmed(rows, actor=actor, now=now)
        Operation.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
        new = set(Operation.objects.filter(id__in=[row.id for row in rows]).values_list("id", flat=True))
        fresh = [row for row in rows if row.id in new]
        record_many(actor.tenant_id, [event for row in fresh for event in _events(row, actor, now)])
    return fresh


def _confirmed(rows: Sequence[Operation], *, actor: Actor, now: datetime) -> list[Operation]:
    """Those whose authority was confirmed by the person whom they name; one event for each authority that was not."""
    named = {row.authority["operation"] for row in rows}
    found = Operation.objects.filter(id__in=[UUID(one) for one in named if _UUID.fullmatch(one)])
    confirmed = {
        (str(operation_id), person)
        for operation_id, person in found.filter(state__in=AUTHORISING).values_list("id", "confirmed_by_id")
    }
    fallen = Counter(
        (row.authority["operation"], Principal(row.confirmed_by_id, row.confirmed_by_name))
        for row in rows
        if (row.authority["operation"], row.confirmed_by_id) not in confirmed
    )
    events = [
        EventDraft(
            kind="schedule.unauthorised",
            actor=actor,
            at=now,
            subject=Subject("operation", operation, person.name, person=person.id),
            outcome="failed",
            detail={"entries": count},
        )
        for (operation, person), count in sorted(fallen.items(), key=lambda one: one[0][0])
    ]
    record_many(actor.tenant_id, events)
    return [row for row in rows if (row.authority["operation"], row.confirmed_by_id) in confirmed]


def _row(due: Due, *, actor: Actor, now: datetime) -> Operation:
    kind = get_kind(due.kind)
    actor.require(kind.enter_permission, actor.tenant_id)
    if not due.authority.person_id:
        raise ValueError(f"{due.kind} for {due.target.id}: no person stands behind this automatic action")
    try:
        row = draft(kind, due.target, due.parameters, actor=actor, now=now, due_at=due.due_at)
    except Refused as refused:
        row = _refused_row(due, actor=actor, now=now, code=refused.code)
    if due.grace is not None:
        row.deadline = due.due_at + due.grace
    row.dedupe_key, row.policy = due.dedupe_key, "schedule"
    row.confirmed_by_id, row.confirmed_by_name = due.authority.person_id, due.authority.person_name
    row.confirmed_at = now
    row.authority = {
        "policy": "schedule",
        "source": due.authority.source,
        "operation": due.authority.operation,
        "person": due.authority.person_name,
        "reason": dict(due.reason),
    }
    if row.state == State.FAILED:
        return row
    if due.missed:
        finish(row, State.MISSED, due.missed, now)
    else:
        row.state, row.work_at = State.CONFIRMED, now
    return row


def _refused_row(due: Due, *, actor: Actor, now: datetime, code: str) -> Operation:
    """A refusal before any call is still a planned action that ended: it keeps its row and its reason."""
    kind = get_kind(due.kind)
    row = Operation(
        tenant_id=actor.tenant_id,
        kind=kind.name,
        target_type=due.target.type,
        target_id=due.target.id,
        target_name=due.target.name[:NAME_MAX],
        lane=due.target.lane,
        entered_by_type=actor.type,
        entered_by_id=actor.id,
        entered_by_name=actor.name,
        entered_at=now,
        due_at=due.due_at,
        deadline=due.due_at + kind.grace,
        approval_expires_at=now,
    )
    finish(row, State.FAILED, code, now)
    return row


def _events(row: Operation, actor: Actor, now: datetime) -> list[EventDraft]:
    events = [
        event_of(row, "operation.entered", actor=actor, now=now, authority=row.authority, digest=row.digest)
    ]
    if row.state == State.CONFIRMED:
        return [*events, event_of(row, "operation.confirmed", actor=actor, now=now)]
    final = "operation.missed" if row.state == State.MISSED else "operation.failed"
    return [*events, event_of(row, final, actor=actor, now=now, code=row.outcome)]
