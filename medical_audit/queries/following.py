"""Following the ledger from a place in its chain: each event once, in the order in which they were committed.

A tenant's chain is linked under a lock that is held until the commit, so that no event ever appears before the place up to
which somebody has read.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from medical_audit.models import Event, Link
from medical_audit.queries.links import links_of
from medical_audit.tenancy import current_tenant_id


@dataclass(frozen=True, slots=True)
class Followed:
    """One event and its place."""

    seq: int
    event: Event


def last_seq() -> int:
    """The newest place in the bound tenant's chain; 0 before the first event."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM ledger.head WHERE tenant_id = %s", [current_tenant_id()])
        head = cursor.fetchone()
    return int(head[0]) if head else 0


def events_after(seq: int, *, limit: int) -> Sequence[Followed]:
    """The next events of the bound tenant after this place, in order; fewer than `limit` means there are no more yet."""
    links = list(Link.objects.filter(seq__gt=seq).order_by("seq")[:limit])
    if not links:
        return []
    times = [link.event_at for link in links]
    found = Event.objects.filter(
        id__in=[link.event_id for link in links], event_at__gte=min(times), event_at__lte=max(times)
    )
    events = {(event.id, event.event_at): event for event in found}
    return [Followed(link.seq, events[link.event_id, link.event_at]) for link in links]


def places_of(
    kinds: Collection[str], *, before: int, about: Mapping[str, Collection[str]]
) -> Sequence[Followed]:
    """Events of rare kinds up to this place in the bound tenant's chain, in order: for whoever begins to follow them late.

    `about`: kinds that are not rare -> the types of subjects of which they are.
    """
    wanted = Q(kind__in=kinds)
    for kind, types in about.items():
        wanted |= Q(kind=kind, subject_type__in=types)
    events = {(event.id, event.event_at): event for event in Event.objects.filter(wanted)}
    links = links_of(events.values())
    found = [Followed(link.seq, events[key]) for key, link in links.items() if link.seq <= before]
    return sorted(found, key=lambda one: one.seq)
