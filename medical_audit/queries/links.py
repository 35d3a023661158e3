"""The links of a chain with their events, as stored, in order."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from django.db import connection

from medical_audit.domain.chain import Linked

_CHAIN = """
SELECT l.tenant_id, l.seq, l.event_id, l.event_at, l.linked_at, l.clock_at,
    coalesce(e.txid, 0), coalesce(e.db_user, ''), coalesce(e.body, ''), l.prev, l.hash
FROM ledger.link l LEFT JOIN ledger.event e ON e.id = l.event_id AND e.event_at = l.event_at
WHERE l.tenant_id = %s AND l.seq > %s ORDER BY l.seq LIMIT %s
"""
_OF_KINDS = """
SELECT l.tenant_id, l.seq, l.event_id, l.event_at, l.linked_at, l.clock_at, e.txid, e.db_user, e.body, l.prev, l.hash
FROM ledger.event e JOIN ledger.link l ON l.event_id = e.id AND l.event_at = e.event_at
WHERE e.tenant_id = %s AND e.kind = ANY(%s) AND l.seq <= %s ORDER BY l.seq
"""
_COLUMNS = tuple(field.name for field in fields(Linked))


def links_of_kinds(tenant_id: UUID, kinds: Sequence[str], *, last: int) -> list[Linked]:
    """The few events of these kinds up to number `last`; the tenant is bound."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_KINDS, [tenant_id, list(kinds), last])
        return [_linked(row) for row in cursor.fetchall()]


def _linked(row: Sequence[Any]) -> Linked:
    return Linked(**dict(zip(_COLUMNS, row, strict=True)) | {"prev": bytes(row[9]), "hash": bytes(row[10])})


def links_after(tenant_id: UUID, seq: int, *, page: int) -> Iterator[Linked]:
    """From the link behind `seq` to the end, `page` at a time; the tenant is bound. No body: the event is not there."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_CHAIN, [tenant_id, seq, page])
            rows = cursor.fetchall()
        for row in rows:
            yield _linked(row)
        if len(rows) < page:
            return
        seq = rows[-1][1]
