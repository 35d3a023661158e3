"""The only writer of events: through the database function, in the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from medical_audit.domain.actor import Actor, EventDraft, Principal, Subject
from medical_audit.domain.canonical import event_body
from medical_audit.operations.referring import People


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
    """Write events of one tenant in this order, in one round trip; of people that were never named so before, in more.

    Raises ValueError on text that has no canonical form, Refused (no_person_key, person_key_closed): then nothing is written.
    """
    if not drafts:
        return
    if any(draft.actor.tenant_id != tenant_id for draft in drafts):
        raise ValueError("an event's actor belongs to another tenant")
    people = People(tenant_id)
    missing = _log(tenant_id, drafts, people)
    if missing:
        people.forget(missing)
        again = People(tenant_id)
        bodies = [event_body(draft, again.refer) for draft in drafts]
        again.keep(again.values)
        missing = _send(tenant_id, bodies, again)
    if missing:
        raise RuntimeError(
            f"{len(missing)} references to people could not be kept: the events were not written"
        )


def _log(tenant_id: UUID, drafts: Sequence[EventDraft], people: People) -> list[str]:
    return _send(tenant_id, [event_body(draft, people.refer) for draft in drafts], people)


def _send(tenant_id: UUID, bodies: Sequence[str], people: People) -> list[str]:
    """Write the bodies, unless something that they refer to is not there: then that is given back, and nothing written."""
    with connection.cursor() as cursor:
        if not people.values:
            cursor.execute("SELECT ledger.log(%s, %s)", [tenant_id, list(bodies)])
            return []
        cursor.execute("SELECT ledger.log_people(%s, %s, %s)", [tenant_id, list(bodies), list(people.values)])
        (missing,) = cursor.fetchone()
    return list(missing)
