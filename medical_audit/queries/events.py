"""Reading the ledger of the bound tenant."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from medical_audit.domain.actor import Actor
from medical_audit.domain.rights import LEDGER_VIEW, OPERATION_VIEW
from medical_audit.models import Event, Link
from medical_audit.queries.paging import Cursors, Page, page_of

#: The choices of a filter come from this many newest events: bounded, whatever the ledger's length.
CHOICES_FROM = 2000


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What a reader looks for; empty means everything. `since` is inclusive, `until` exclusive."""

    kind: str = ""
    actor: str = ""
    subject: str = ""
    outcome: str = ""
    q: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An event and its place in the chain; none yet for one of a transaction that has not ended."""

    event: Event
    link: Link | None


@dataclass(frozen=True, slots=True)
class Chain:
    """What the page says of the chain: how many events it holds."""

    events: int


@dataclass(frozen=True, slots=True)
class EventChoices:
    """What filters may offer, taken from the newest events: kinds and outcomes, people by id with their names."""

    kinds: tuple[str, ...]
    outcomes: tuple[str, ...]
    actors: Mapping[str, str]


def list_events(wanted: EventFilter, cursors: Cursors, *, actor: Actor) -> Page:
    """One page of LedgerRow, newest first. Raises NotPermitted, Refused."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    page = page_of(_matching(wanted), ("event_at", "ord"), cursors, descending=True)
    links = {
        link.event_id: link for link in Link.objects.filter(event_id__in=[event.id for event in page.rows])
    }
    return Page([LedgerRow(event, links.get(event.id)) for event in page.rows], page.previous, page.next)


def event_choices(*, actor: Actor) -> EventChoices:
    actor.require(LEDGER_VIEW, actor.tenant_id)
    newest = Event.objects.order_by("-event_at", "-ord").values_list(
        "kind", "outcome", "actor_id", "actor_name"
    )
    kinds, outcomes, actors = set(), set(), {}
    for kind, outcome, actor_id, actor_name in newest[:CHOICES_FROM]:
        kinds.add(kind)
        outcomes.add(outcome)
        actors[actor_id] = actor_name
    return EventChoices(
        tuple(sorted(kinds)), tuple(sorted(outcomes)), dict(sorted(actors.items(), key=lambda item: item[1]))
    )


def chain_of(*, actor: Actor) -> Chain:
    actor.require(LEDGER_VIEW, actor.tenant_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM ledger.head WHERE tenant_id = %s", [actor.tenant_id])
        head = cursor.fetchone()
    return Chain(head[0] if head else 0)


def events_of_operation(operation_id: UUID, *, actor: Actor, limit: int = 200) -> list[Event]:
    """The story of one operation, newest first."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    return list(Event.objects.filter(operation_id=str(operation_id)).order_by("-event_at", "-ord")[:limit])


def events_of_subject(
    subject_type: str, subject_id: str, *, actor: Actor, limit: int = 50
) -> tuple[list[Event], bool]:
    """What happened to one thing, newest first, and whether there is more."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Event.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by(
        "-event_at", "-ord"
    )
    found = list(rows[: limit + 1])
    return found[:limit], len(found) > limit


def _matching(wanted: EventFilter) -> QuerySet[Event]:
    rows: QuerySet[Event] = Event.objects.all()
    exact = {
        "kind": wanted.kind,
        "actor_id": wanted.actor,
        "subject_id": wanted.subject,
        "outcome": wanted.outcome,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if wanted.since:
        rows = rows.filter(event_at__gte=wanted.since)
    if wanted.until:
        rows = rows.filter(event_at__lt=wanted.until)
    if wanted.q:
        rows = rows.filter(Q(body__icontains=wanted.q))
    return rows
