"""What people decide: an entry that is stuck is tried again or discarded; where both sides differ, one is taken."""

from __future__ import annotations

import uuid
from datetime import datetime
from uuid import UUID

from accounts.domain.permissions import Permission
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import AlreadyMoved, NotFound
from medical_audit.operations.ledger import record
from medical_audit.queries.following import last_seq
from medical_audit.tenancy import tenant_scope
from redmine_sync.models import Entry, EntryState, Ticket, TicketState, Verb

#: Where Toban's wish can be written once more; elsewhere people only say that they have seen it.
PUSHABLE = ("moved_by_a_person", "opened_by_a_person", "status_refused")


def retry(entry_id: UUID, *, actor: Actor, now: datetime) -> Entry:
    """Try a stuck entry again at once; where the issue is gone, a new one is made. Raises NotPermitted, NotFound, AlreadyMoved."""
    with tenant_scope(actor.tenant_id):
        entry = _dead(entry_id, actor)
        ticket = entry.ticket
        if ticket.state == TicketState.ORPHANED:
            ticket.state, ticket.issue, ticket.diverged = TicketState.WANTED, None, ""
            ticket.settled_journal = ticket.read_journal = 0
            ticket.save(update_fields=["state", "issue", "diverged", "settled_journal", "read_journal"])
        entry.state, entry.next_at, entry.failures, entry.ended_at = EntryState.WAITING, now, 0, None
        entry.save()
        _tell("ticket.retried", ticket, actor, now)
    return entry


def discard(entry_id: UUID, *, actor: Actor, now: datetime) -> Entry:
    """Leave a stuck entry out for good; what waits behind it goes on. Raises NotPermitted, NotFound, AlreadyMoved."""
    with tenant_scope(actor.tenant_id):
        entry = _dead(entry_id, actor)
        entry.state, entry.ended_at = EntryState.DROPPED, now
        entry.save()
        _tell("ticket.discarded", entry.ticket, actor, now)
    return entry


def push_ours(ticket_id: UUID, *, actor: Actor, now: datetime) -> Ticket:
    """Write what Toban wished once more, over what a person did. Raises NotPermitted, NotFound, AlreadyMoved."""
    with tenant_scope(actor.tenant_id):
        ticket = _diverged(ticket_id, actor)
        if ticket.diverged not in PUSHABLE:
            raise AlreadyMoved(state=ticket.diverged)
        verb = Verb.CLOSE if ticket.wished_closed else Verb.OPEN
        last = Entry.objects.filter(ticket=ticket, verb=verb).order_by("-seq", "-created_at").first()
        if last is None:
            raise AlreadyMoved(state=ticket.diverged)
        Entry.objects.create(
            tenant_id=ticket.tenant_id, ticket=ticket, seq=last_seq(), event_id=uuid.uuid4(), verb=verb,
            event=last.event, next_at=now, created_at=now,
        )  # fmt: skip
        _settle(ticket)
        _tell("ticket.pushed", ticket, actor, now)
    return ticket


def take_theirs(ticket_id: UUID, *, actor: Actor, now: datetime) -> Ticket:
    """Let it stand as people left it. Raises NotPermitted, NotFound, AlreadyMoved."""
    with tenant_scope(actor.tenant_id):
        ticket = _diverged(ticket_id, actor)
        if ticket.state != TicketState.ORPHANED:
            statuses = {one["id"]: one["closed"] for one in ticket.server.report.get("statuses", [])}
            closed = statuses.get(ticket.status_id, False)
            ticket.state = TicketState.CLOSED if closed else TicketState.OPEN
            ticket.wished_closed = closed
        _settle(ticket)
        _tell("ticket.taken", ticket, actor, now)
    return ticket


def _settle(ticket: Ticket) -> None:
    ticket.diverged, ticket.settled_journal = "", ticket.read_journal
    ticket.save()


def _dead(entry_id: UUID, actor: Actor) -> Entry:
    actor.require(Permission.TICKET_DECIDE, actor.tenant_id)
    entry: Entry | None = (
        Entry.objects.filter(id=entry_id).select_related("ticket").select_for_update(of=("self",)).first()
    )
    if entry is None:
        raise NotFound(type="entry")
    if entry.state != EntryState.DEAD:
        raise AlreadyMoved(state=entry.state)
    return entry


def _diverged(ticket_id: UUID, actor: Actor) -> Ticket:
    actor.require(Permission.TICKET_DECIDE, actor.tenant_id)
    ticket: Ticket | None = (
        Ticket.objects.filter(id=ticket_id).select_related("server").select_for_update(of=("self",)).first()
    )
    if ticket is None:
        raise NotFound(type="ticket")
    if not ticket.diverged:
        raise AlreadyMoved(state=ticket.state)
    return ticket


def _tell(kind: str, ticket: Ticket, actor: Actor, now: datetime) -> None:
    record(
        kind, actor=actor, subject=Subject(ticket.target_type, ticket.target_id, ticket.target_name), now=now,
        operation_id=ticket.operation, detail={"issue": ticket.issue or 0, "ticket": str(ticket.id)},
    )  # fmt: skip
