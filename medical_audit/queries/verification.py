"""Is the record whole? Every link of a tenant's chain recomputed in Python, apart from the database's own code."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import count
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from medical_audit.domain.chain import Linked, genesis, link_hash
from medical_audit.tenancy import tenant_scope

_CHAIN = """
SELECT l.tenant_id, l.seq, l.event_id, l.event_at, l.linked_at, l.clock_at,
    coalesce(e.txid, 0), coalesce(e.db_user, ''), coalesce(e.body, ''), l.prev, l.hash
FROM ledger.link l LEFT JOIN ledger.event e ON e.id = l.event_id AND e.event_at = l.event_at
WHERE l.tenant_id = %s AND l.seq > %s ORDER BY l.seq LIMIT %s
"""
_COLUMNS = tuple(field.name for field in fields(Linked))
_LOOSE = """
SELECT e.id FROM ledger.event e WHERE e.tenant_id = %s
AND NOT EXISTS (SELECT 1 FROM ledger.link l WHERE l.event_id = e.id) ORDER BY e.ord LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Damage:
    """The first thing wrong: `kind` is edited, removed, reordered, unlinked, tail_cut or head_differs; `seq` where."""

    kind: str
    seq: int
    event_id: str = ""


class _Head(NamedTuple):
    seq: int
    hash: bytes


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
        cursor.execute("SELECT tenant_id FROM ledger.chains()")
        return [row[0] for row in cursor.fetchall()]


def verify(tenant_id: UUID, *, page: int = 5000) -> Verification:
    """Check order, gaps, links, hashes and loose events of one tenant, `page` links at a time, while others write.

    Cutting the newest events off, or rewriting everything with new hashes, can be told only by a copy outside the
    database; against a careless hand the head is compared. It is read before the links: what is linked meanwhile
    stands behind it.
    """
    with tenant_scope(tenant_id):
        head = _head(tenant_id)
        prev, checked, last = genesis(tenant_id), 0, None
        at_head = prev
        for expected, event in zip(count(1), _chain(tenant_id, page), strict=False):
            damage = _wrong(event, expected, prev, last)
            if damage is not None:
                return Verification(tenant_id, checked, damage)
            prev, checked, last = event.hash, expected, event
            if head is not None and head.seq == checked:
                at_head = event.hash
        loose = _loose(tenant_id)
        if loose is not None:
            return Verification(tenant_id, checked, Damage("unlinked", checked + 1, str(loose)))
        if head is not None and head.seq > checked:
            return Verification(tenant_id, checked, Damage("tail_cut", checked + 1))
        if head is not None and head.hash != at_head:
            return Verification(tenant_id, checked, Damage("head_differs", head.seq))
        return Verification(tenant_id, checked, _beyond_the_head(tenant_id, checked))


def _wrong(event: Linked, expected: int, prev: bytes, last: Linked | None) -> Damage | None:
    if event.seq != expected:
        return Damage("removed", expected)
    if not event.body:
        return Damage("removed", expected, str(event.event_id))
    if event.prev != prev:
        return Damage("reordered", expected, str(event.event_id))
    if link_hash(event) != event.hash:
        return Damage("edited", expected, str(event.event_id))
    if last is not None and event.linked_at <= last.linked_at:
        return Damage("reordered", expected, str(event.event_id))
    return None


def _loose(tenant_id: UUID) -> UUID | None:
    """An event that no link holds."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOSE, [tenant_id])
        row = cursor.fetchone()
    return row[0] if row else None


def _head(tenant_id: UUID) -> _Head | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq, hash FROM ledger.head WHERE tenant_id = %s", [tenant_id])
        row = cursor.fetchone()
    return _Head(row[0], bytes(row[1])) if row else None


def _beyond_the_head(tenant_id: UUID, checked: int) -> Damage | None:
    """Links that the head does not know of by now were not made by the database's own function."""
    head = _head(tenant_id)
    known = head.seq if head is not None else 0
    if checked <= known:
        return None
    return Damage("head_differs", checked if head is None else known)


def _chain(tenant_id: UUID, page: int) -> Iterator[Linked]:
    seq = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_CHAIN, [tenant_id, seq, page])
            rows = cursor.fetchall()
        for row in rows:
            yield Linked(
                **dict(zip(_COLUMNS, row, strict=True)) | {"prev": bytes(row[9]), "hash": bytes(row[10])}
            )
        if len(rows) < page:
            return
        seq = rows[-1][1]
