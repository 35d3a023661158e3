"""A bundle of the ledger leaves the house: that is recorded, with its size and its sum, before anybody holds it."""

from collections.abc import Sequence
from datetime import datetime
from typing import IO
from uuid import UUID

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.notes import VerifierKey
from medical_audit.operations.ledger import record
from medical_audit.queries.bundles import Made, write_bundle
from medical_audit.tenancy import tenant_scope


def export_bundle(
    file: IO[bytes],
    tenant_id: UUID,
    keys: Sequence[VerifierKey],
    *,
    actor: Actor,
    now: datetime,
    since: datetime | None = None,
    purpose: str,
    approvers: Sequence[VerifierKey] = (),
) -> Made:
    """Write the bundle and its event; the event itself is not in the bundle. `actor` is of this tenant. Raises Refused."""
    made = write_bundle(file, tenant_id, keys, since=since, now=now, approvers=approvers)
    detail: dict[str, object] = {
        "events": made.events,
        "first": made.first,
        "last": made.last,
        "sha256": made.sha256,
        "since": "" if since is None else utc_text(since),
    }
    with tenant_scope(tenant_id):
        record(
            "ledger.exported",
            actor=actor,
            subject=Subject("tenant", str(tenant_id)),
            now=now,
            reason=purpose,
            detail=detail,
        )
    return made
