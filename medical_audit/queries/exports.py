"""Exports as pages list them, and events in the order in which an export writes them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from medical_audit.domain.actor import Actor
from medical_audit.domain.chain import Linked
from medical_audit.domain.errors import NotFound
from medical_audit.domain.recorded import Recorded
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import Event, Export, ExportPart, Link
from medical_audit.queries.events import EventFilter, matching
from medical_audit.queries.links import links_of
from medical_audit.queries.paging import Cursors, Page, page_of


@dataclass(frozen=True, slots=True)
class Mark:
    """The last event that was written."""

    event_at: datetime
    ord: int


def list_exports(cursors: Cursors, *, actor: Actor) -> Page:
    """One page, whoever asked for them, the newest first. Raises NotPermitted, Refused."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    return page_of(Export.objects.all(), ("asked_at", "id"), cursors, descending=True)


def get_export(export_id: UUID, *, actor: Actor) -> Export:
    """Raises NotFound before NotPermitted: what is not here is not found, whoever asks."""
    found: Export | None = Export.objects.filter(id=export_id).first()
    if found is None:
        raise NotFound(type="export", id=str(export_id))
    actor.require(LEDGER_VIEW, actor.tenant_id)
    return found


def part_numbers(export_id: UUID) -> list[int]:
    return list(
        ExportPart.objects.filter(export_id=export_id).order_by("number").values_list("number", flat=True)
    )


def part(export_id: UUID, number: int) -> bytes:
    return bytes(ExportPart.objects.values_list("data", flat=True).get(export_id=export_id, number=number))


def in_order(wanted: EventFilter, after: Mark | None, *, limit: int) -> tuple[list[Recorded], Mark | None]:
    """The next `limit` events that match, oldest first, and where they end (None: nothing is left)."""
    rows = matching(wanted)
    if after is not None:
        rows = rows.filter(event_at__gte=after.event_at).filter(
            Q(event_at__gt=after.event_at) | Q(ord__gt=after.ord)
        )
    events = list(rows.order_by("event_at", "ord")[:limit])
    links = links_of(events)
    found = [
        recorded_of(event, links[key]) for event in events if (key := (event.id, event.event_at)) in links
    ]
    return found, Mark(events[-1].event_at, events[-1].ord) if events else None


def recorded_of(event: Event, link: Link) -> Recorded:
    return Recorded.of(_linked(event, link), event.people)


def _linked(event: Event, link: Link) -> Linked:
    return Linked(
        tenant_id=event.tenant_id,
        seq=link.seq,
        event_id=event.id,
        event_at=event.event_at,
        linked_at=link.linked_at,
        clock_at=link.clock_at,
        txid=event.txid,
        db_user=event.db_user,
        body=event.body,
        prev=bytes(link.prev),
        hash=bytes(link.hash),
    )
