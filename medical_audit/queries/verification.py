"""Is the record whole? Every link of a tenant's chain recomputed in Python, apart from the database's own code."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from django.db import connection

from medical_audit.domain.chain import Linked, genesis, link_hash
from medical_audit.tenancy import tenant_scope

PAGE = 5000

_CHAIN = """
SELECT l.tenant_id, l.seq, l.event_id, e.event_at, l.linked_at, l.clock_at, e.txid, e.db_user, e.body, l.prev, l.hash
FROM ledger.link l LEFT JOIN ledger.event e ON e.id = l.event_id AND e.event_at = l.event_at
WHERE l.tenant_id = %s AND l.seq > %s ORDER BY l.seq LIMIT %s
"""
_LOOSE = """
SELECT e.id FROM ledger.event e WHERE e.tenant_id = %s
AND NOT EXISTS (SELECT 1 FROM ledger.link l WHERE l.event_id = e.id) ORDER BY e.ord LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Damage:
    """The first thing wrong: `kind` is edited, removed, reordered, unlinked or tail_cut; `seq` where."""

    kind: str
    seq: int
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    tenant_id: UUID
    events: int
    damage: Damage | None

    @property
    def intact(self) -> bool:
        return self.damage is None


def chains() -> list[UUID]:
    """Every tenant with a chain, the platform's own among them; needs the audit role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM ledger.head ORDER BY tenant_id")
        return [row[0] for row in cursor.fetchall()]


def verify(tenant_id: UUID) -> Verification:
    """Check order, gaps, links, hashes and loose events of one tenant.

    Cutting the newest events off, or rewriting everything with new hashes, can be told only by a copy outside the
    database; against a careless cut the head is compared.
    """
    with tenant_scope(tenant_id):
        prev, checked, last = genesis(tenant_id), 0, None
        for expected, event in zip(count(1), _chain(tenant_id), strict=False):
            damage = _wrong(event, expected, prev, last)
            if damage is not None:
                return Verification(tenant_id, checked, damage)
            prev, checked, last = event.hash, expected, event
        return Verification(tenant_id, checked, _at_the_end(tenant_id, checked))


def _wrong(event: Linked, expected: int, prev: bytes, last: Linked | None) -> Damage | None:
    if event.seq != expected:
        return Damage("removed", expected)
    if event.body is None:
        return Damage("removed", expected, str(event.event_id))
    if event.prev != prev:
        return Damage("reordered", expected, str(event.event_id))
    if link_hash(event) != event.hash:
        return Damage("edited", expected, str(event.event_id))
    if last is not None and event.linked_at <= last.linked_at:
        return Damage("reordered", expected, str(event.event_id))
    return None


def _at_the_end(tenant_id: UUID, checked: int) -> Damage | None:
    with connection.cursor() as cursor:
        cursor.execute(_LOOSE, [tenant_id])
        loose = cursor.fetchone()
        if loose is not None:
            return Damage("unlinked", checked + 1, str(loose[0]))
        cursor.execute("SELECT seq FROM ledger.head WHERE tenant_id = %s", [tenant_id])
        head = cursor.fetchone()
    return Damage("tail_cut", checked + 1) if head is not None and head[0] > checked else None


def _chain(tenant_id: UUID) -> Iterator[Linked]:
    seq = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_CHAIN, [tenant_id, seq, PAGE])
            rows = cursor.fetchall()
        for row in rows:
            yield Linked(*row[:9], bytes(row[9]), bytes(row[10]))
        if len(rows) < PAGE:
            return
        seq = rows[-1][1]
