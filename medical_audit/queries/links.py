"""The links of a chain with their events, as stored, in order."""

from collections.abc import Iterator
from dataclasses import fields
from uuid import UUID

from django.db import connection

from medical_audit.domain.chain import Linked

_CHAIN = """
SELECT l.tenant_id, l.seq, l.event_id, l.event_at, l.linked_at, l.clock_at,
    coalesce(e.txid, 0), coalesce(e.db_user, ''), coalesce(e.body, ''), l.prev, l.hash
FROM ledger.link l LEFT JOIN ledger.event e ON e.id = l.event_id AND e.event_at = l.event_at
WHERE l.tenant_id = %s AND l.seq > %s ORDER BY l.seq LIMIT %s
"""
_COLUMNS = tuple(field.name for field in fields(Linked))


def links_after(tenant_id: UUID, seq: int, *, page: int) -> Iterator[Linked]:
    """From the link behind `seq` to the end, `page` at a time; the tenant is bound. No body: the event is not there."""
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
