"""The links of a chain with their events, as stored, in order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from medical_audit.domain.chain import Linked
from medical_audit.models import Event, Link

_CHAIN = """
SELECT l.tenant_id, l.seq, l.event_id, l.event_at, l.linked_at, l.clock_at,
    coalesce(e.txid, 0), coalesce(e.db_user, ''), coalesce(e.body, ''), l.prev, l.hash
FROM ledger.link l LEFT JOIN ledger.event e ON e.id = l.event_id AND e.event_at = l.event_at
WHERE l.tenant_id = %s AND l.seq > %s ORDER BY l.seq LIMIT %s
"""
_OF_KINDS = """
SELECT l.tenant_id, l.seq, l.event_id, l.event_at, l.linked_at, l.clock_at, e.txid, e.db_user, e.body, l.prev, l.hash
FROM ledger.event e JOIN ledger.link l ON (l.event_id, l.event_at, l.tenant_id) = (e.id, e.event_at, e.tenant_id)
WHERE e.tenant_id = %s AND e.kind = ANY(%s) AND l.seq <= coalesce(%s, l.seq) ORDER BY l.seq
"""
_COLUMNS = tuple(field.name for field in fields(Linked))


def links_of(events: Iterable[Event]) -> Mapping[tuple[UUID, datetime], Link]:
    """The links of these events of the bound tenant by (id, event_at). An event that goes by another's id and bears another time has
    none: it is not the one that was linked."""
    wanted = {(event.id, event.event_at) for event in events}
    found = {
        (link.event_id, link.event_at): link
        for link in Link.objects.filter(event_id__in={one for one, _ in wanted})
    }
    return {key: link for key, link in found.items() if key in wanted}


def links_of_kinds(tenant_id: UUID, kinds: Sequence[str], *, last: int | None = None) -> list[Linked]:
    """The few events of these kinds, up to number `last` (None: all); the tenant is bound."""
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
