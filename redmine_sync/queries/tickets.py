"""Reading tickets of the bound tenant: the list, what is stuck, how far behind the writing is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, Min, Q, QuerySet, When

from accounts.domain.permissions import Permission
from medical_audit.domain.actor import Actor
from medical_audit.models import Event, Link
from medical_audit.queries.paging import Cursors, Page, page_of
from redmine_sync.domain.topics import VOLUME_ASKED
from redmine_sync.models import Entry, EntryState, RedmineServer, ServerState, Ticket, TicketState

SHOWN_MAX = 100


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """What a reader looks for; empty means everything. `state` "diverged" is where people decide; `target`: the id of a thing that
    has a ticket, or stands in one for all."""

    state: str = ""
    q: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be written; `oldest` is when the longest waiting became due."""

    waiting: int
    dead: int
    oldest: datetime | None


def list_tickets(wanted: TicketFilter, cursors: Cursors, *, actor: Actor) -> Page:
    """One page, newest first. Raises NotPermitted, Refused."""
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    return page_of(_matching(wanted), ("created_at", "id"), cursors, descending=True)


def count_tickets(*, actor: Actor) -> Mapping[str, int]:
    """How many by state, "diverged" beside them."""
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    rows = Ticket.objects.values_list("state").annotate(n=Count("id"))
    counts: dict[str, int] = dict(rows)
    return counts | {"diverged": Ticket.objects.exclude(diverged="").count()}


def backlog(now: datetime, *, actor: Actor) -> Backlog:
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    active = Entry.objects.filter(ticket__server__state=ServerState.ACTIVE)
    open_ = Q(state__in=(EntryState.WAITING, EntryState.TRYING))
    found = active.aggregate(
        waiting=Count("id", filter=open_),
        dead=Count("id", filter=Q(state=EntryState.DEAD)),
        # An entry that failed has a later time to look at it again; it waits since it was made, all the same.
        oldest=Min("created_at", filter=open_ & (Q(attempts__gt=0) | Q(next_at__lte=now))),
    )
    return Backlog(found["waiting"], found["dead"], found["oldest"])


def stuck(*, actor: Actor) -> Sequence[Entry]:
    """Entries that only a person helps, oldest first."""
    return list(_stuck(actor).order_by("seq")[:SHOWN_MAX])


def stuck_page(cursors: Cursors, *, actor: Actor) -> Page:
    """The same one page at a time, to its end. Raises NotPermitted, Refused."""
    return page_of(_stuck(actor), ("seq", "id"), cursors)


def _stuck(actor: Actor) -> QuerySet[Entry]:
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    rows = Entry.objects.filter(state=EntryState.DEAD, ticket__server__state=ServerState.ACTIVE)
    return rows.select_related("ticket")


def diverged(*, actor: Actor) -> Sequence[Ticket]:
    """Tickets at which Redmine and Toban say different things."""
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    rows = Ticket.objects.exclude(diverged="").filter(server__state=ServerState.ACTIVE)
    return list(rows.select_related("server").order_by("created_at")[:SHOWN_MAX])


def tickets_about(target_type: str, target_id: str, operation_id: str, *, actor: Actor) -> Sequence[Ticket]:
    """Written tickets of a thing, of a project (by its name), or of one operation: open ones first, newest first; at most five."""
    if not actor.may(Permission.OPERATION_VIEW, actor.tenant_id):
        return []
    if operation_id:
        about = Q(operation=operation_id)
    elif target_type == "project":
        about = Q(project=target_id)
    else:
        about = Q(target_type=target_type, target_id=target_id)
    rows = Ticket.objects.filter(about, issue__isnull=False).select_related("server")
    return list(rows.order_by(Case(When(state=TicketState.CLOSED, then=1), default=0), "-created_at")[:5])


@dataclass(frozen=True, slots=True)
class VolumeTickets:
    """Whether left-over volumes can have tickets. `connected`: there is a Redmine; `told`: as `volumes_told`."""

    connected: bool
    told: Mapping[str, Ticket | None]


def volume_tickets(*, actor: Actor) -> VolumeTickets:
    """Of the bound tenant's left-over volumes; nothing for whoever may not see tickets."""
    server = RedmineServer.objects.filter(state=ServerState.ACTIVE).first()
    if server is None or not actor.may(Permission.OPERATION_VIEW, actor.tenant_id):
        return VolumeTickets(server is not None, {})
    return VolumeTickets(True, volumes_told(server))


def volumes_told(server: RedmineServer) -> Mapping[str, Ticket | None]:
    """The open ticket that tells of each left-over volume, by the volume's id: its own, or the one for all of its project; None where
    somebody asked for one and the ledger has not been followed so far yet.

    The server must have been read before this is asked: what was followed since is then found twice, never missed.
    """
    later = Link.objects.filter(seq__gt=server.followed_seq).values("event_id")
    asked = Event.objects.filter(kind=VOLUME_ASKED, id__in=later).values_list("subject_id", flat=True)
    found: dict[str, Ticket | None] = dict.fromkeys(asked)
    # One for all that people closed still holds what it told of.
    over = Q(state=TicketState.CLOSED) & ~Q(target_id="")
    rows = Ticket.objects.filter(server=server, kind="volume").exclude(over)
    for row in rows.select_related("server").order_by("created_at", "id"):
        found |= dict.fromkeys([row.target_id] if row.target_id else row.items, row)
    return found


def _matching(wanted: TicketFilter) -> QuerySet[Ticket]:
    rows: QuerySet[Ticket] = Ticket.objects.select_related("server")
    if wanted.state == "diverged":
        rows = rows.exclude(diverged="")
    elif wanted.state in TicketState.values:
        rows = rows.filter(state=wanted.state)
    if wanted.target:
        rows = rows.filter(Q(target_id=wanted.target) | Q(items__has_key=wanted.target))
    if wanted.q:
        text = wanted.q.removeprefix("#")
        about = Q(target_name__icontains=wanted.q) | Q(project__icontains=wanted.q)
        rows = rows.filter(
            about | Q(issue=int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else about
        )
    return rows
