"""The hash chain of one tenant, recomputed in Python: the second, independent copy of the database's rule.

`hash = SHA-256(0x00 || prev || text)`; the text holds every column that a reader relies on, so that none can
be changed alone (research: medical guidance on 真正性, ledger design points 1 and 2).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from medical_audit.domain.canonical import utc_text


@dataclass(frozen=True, slots=True)
class Linked:
    """One event as stored, with its link."""

    tenant_id: UUID
    seq: int
    event_id: UUID
    event_at: datetime
    linked_at: datetime
    clock_at: datetime
    txid: int
    db_user: str
    body: str
    prev: bytes
    hash: bytes


def genesis(tenant_id: UUID) -> bytes:
    """What the first link of a tenant points at: differs per tenant, so that chains cannot be exchanged."""
    return hashlib.sha256(f"toban-genesis:{tenant_id}".encode()).digest()


def link_text(event: Linked) -> str:
    head = (
        "toban-event-1",
        str(event.tenant_id),
        str(event.seq),
        str(event.event_id),
        utc_text(event.event_at),
        utc_text(event.linked_at),
        utc_text(event.clock_at),
        str(event.txid),
        event.db_user,
    )
    return "\n".join((*head, event.body))


def link_hash(event: Linked) -> bytes:
    return hashlib.sha256(b"\x00" + event.prev + link_text(event).encode("utf-8")).digest()
