"""What a look found otherwise than Toban left it is recorded once, so that people are told and the ledger knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from infra.models import Resource
from infra.queries.drift import drift_of, last_actions
from medical_audit.domain.actor import Actor, EventDraft, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.operations.ledger import record_many


def record_drifts(
    rows: Sequence[Resource], before: Mapping[UUID, str], *, actor: Actor, now: datetime
) -> None:
    """One event for each resource whose state this look saw change against Toban's last action.

    before: the state of each known row until this look; what was never seen before cannot have drifted.
    """
    changed = [row for row in rows if before.get(row.id, row.state) != row.state]
    last = last_actions([str(row.id) for row in changed]) if changed else {}
    found = [(row, drift_of(row, last.get(str(row.id)))) for row in changed]
    events = [
        EventDraft(
            kind="resource.drifted",
            actor=actor,
            at=now,
            subject=Subject(type="resource", id=str(row.id), name=row.name or row.aws_id),
            outcome="unknown",
            detail={
                "found": str(drift.found),
                "expected": str(drift.expected),
                "cause": str(drift.cause),
                "message": drift.words[:500],
                "last": str(drift.action.id),
                "left_at": utc_text(drift.action.finished_at or drift.action.entered_at),
                "aws_id": row.aws_id,
            },
        )
        for row, drift in found
        if drift is not None
    ]
    record_many(actor.tenant_id, events)
