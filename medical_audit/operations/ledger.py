"""The only writer of events: through the database function, in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from medical_audit.domain.actor import Actor, EventDraft, Principal, Subject
from medical_audit.domain.canonical import event_body


def record(
    kind: str,
    *,
    actor: Actor,
    subject: Subject,
    now: datetime,
    outcome: str = "ok",
    operation_id: str = "",
    on_behalf_of: Principal | None = None,
    reason: str = "",
    detail: dict[str, object] | None = None,
) -> None:
    """Write one event of the actor's tenant. If it cannot be written, the caller's transaction fails with it."""
    draft = EventDraft(
        kind=kind,
        actor=actor,
        at=now,
        subject=subject,
        outcome=outcome,
        operation_id=operation_id,
        on_behalf_of=on_behalf_of,
        reason=reason,
        detail=detail or {},
    )
    record_many(actor.tenant_id, [draft])


def record_many(tenant_id: UUID, drafts: Sequence[EventDraft]) -> None:
    """Write events of one tenant in this order, in one round trip. Raises ValueError on text that has no canonical form."""
    if not drafts:
        return
    if any(draft.actor.tenant_id != tenant_id for draft in drafts):
        raise ValueError("an event's actor belongs to another tenant")
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger.log(%s, %s)", [tenant_id, [event_body(draft) for draft in drafts]])
