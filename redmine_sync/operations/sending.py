"""Writing entries into tickets: one worker at a server, attempts kept before each call, each entry once in effect.

Before anything is written the issue is looked at: the mark of an entry, in the description or in a note of Toban's own,
says that an earlier attempt reached the server although no answer came.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef

from accounts.models import Tenant
from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.domain.backoff import wait_after
from medical_audit.domain.errors import LeaseLost
from medical_audit.domain.kinds import Health
from medical_audit.operations import stopping
from medical_audit.operations.lanes import Lease, lease_lane, note_health, release_lane
from medical_audit.operations.ledger import record
from medical_audit.sealing import Unsealable
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.problems import FilterBroken, KeyGone, KeyRefused, Missing, RedmineError
from redmine_sync.domain.writing import TRIES_MAX
from redmine_sync.models import Entry, EntryState, RedmineServer, ServerState, Ticket, TicketState
from redmine_sync.models.ticket import BLOCKING, OF_THE_LANE
from redmine_sync.operations.attempting import Attempt, Round, Told
from redmine_sync.operations.following import follow
from redmine_sync.operations.polling import poll_when_due
from redmine_sync.queries.servers import gateway_of
from redmine_sync.redmine import Tickets

ENTRIES_AT_ONCE = 200
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Served:
    """What one round did; `more`: there is more due right now."""

    sent: int = 0
    failed: int = 0
    read: int = 0
    more: bool = False


def serve(
    tenant_id: UUID,
    server_id: UUID,
    *,
    worker: str,
    clock: Callable[[], datetime],
    open_server: Callable[[RedmineServer], Tickets] = gateway_of,
) -> Served:
    """Follow the ledger, read what changed at the server, write what is due. Does nothing while somebody else is at it, or
    while the server's breaker is open. Never raises for what the server does."""
    done, actor = Served(), system_actor(tenant_id, "redmine")
    follow(server_id, actor=actor, now=clock())
    with tenant_scope(tenant_id):
        server = RedmineServer.objects.filter(id=server_id, state=ServerState.ACTIVE).first()
        if server is None:
            return done
        slug = Tenant.objects.get(id=tenant_id).slug
    lease = lease_lane(tenant_id, server.lane, worker=worker, clock=clock)
    if lease is None:
        return done
    try:
        _round(server, lease, slug, clock, open_server, actor, done)
    except LeaseLost:
        log.info("redmine_lease_lost", server=str(server_id))
    finally:
        release_lane(lease)
    return done


def _round(
    server: RedmineServer,
    lease: Lease,
    slug: str,
    clock: Callable[[], datetime],
    open_server: Callable[[RedmineServer], Tickets],
    actor: Actor,
    done: Served,
) -> None:
    try:
        with tenant_scope(server.tenant_id):
            tickets = open_server(server)
    except Unsealable:
        _note_server(server, lease, "key_unsealable", Health.REFUSED, actor, clock())
        return
    here = Round(server, tickets, lease, slug, clock)
    _write(here, actor, done)
    # Writing comes first: each attempt looks at its issue anyway, and a bad connection would let reading go on for ever.
    if not (stopping.asked() or lease.paused):
        before = server.polled_at
        try:
            done.read = poll_when_due(server, tickets, here.ours, actor=actor, clock=clock)
        except RedmineError as error:
            _note_error(here, error, actor)
        else:
            # Before the first ticket a look asks nothing, and proves nothing.
            asked = server.polled_at != before and server.polled_to is not None
            if asked and server.problem != FilterBroken.code:
                _note_server(server, lease, "", Health.GOOD, actor, clock())


def _write(here: Round, actor: Actor, done: Served) -> None:
    for _ in range(ENTRIES_AT_ONCE):
        if stopping.asked() or here.lease.paused:
            return
        entry = _claim(here.lease, here.server, here.clock())
        if entry is None:
            return
        told = Attempt(here, entry).run()
        _settle(here.lease, entry, told, actor, here.clock())
        if isinstance(told, Told):
            done.sent += 1
            _note_server(here.server, here.lease, "", Health.GOOD, actor, here.clock())
        else:
            done.failed += 1
            _note_error(here, told, actor)
    done.more = True


def _claim(lease: Lease, server: RedmineServer, now: datetime) -> Entry | None:
    """The next entry that is due and has nothing before it at its ticket; its attempt is kept before it is made."""
    with tenant_scope(lease.tenant_id):
        lease.hold()
        before = Entry.objects.filter(ticket=OuterRef("ticket"), seq__lt=OuterRef("seq"), state__in=BLOCKING)
        due = Entry.objects.filter(
            ticket__server=server, state__in=(EntryState.WAITING, EntryState.TRYING), next_at__lte=now
        )
        entry: Entry | None = (
            # The reader may be adding to what is told: whoever of both is second takes what the first one wrote.
            due.exclude(Exists(before))
            .select_related("ticket__server")
            .order_by("seq", "id")
            .select_for_update(of=("self",), skip_locked=True)
            .first()
        )
        if entry is not None:
            entry.state, entry.attempts = EntryState.TRYING, entry.attempts + 1
            entry.save(update_fields=["state", "attempts"])
    return entry


def _settle(lease: Lease, entry: Entry, told: Told | RedmineError, actor: Actor, now: datetime) -> None:
    """Write how the attempt ended, if the server is still ours."""
    ticket = entry.ticket
    with tenant_scope(lease.tenant_id):
        lease.hold()
        if isinstance(told, Told):
            entry.state = EntryState.DONE if told.written else EntryState.DROPPED
            entry.outcome, entry.detail, entry.ended_at = told.outcome, "", now
            if told.event:
                _record(told.event, ticket, actor, now)
        elif told.passes and (told.of_server or entry.failures + 1 < TRIES_MAX):
            # A server that is away says nothing about this entry: it is tried again however long that takes.
            entry.failures += not told.of_server
            chance = random.random()  # noqa: S311  jitter
            entry.next_at = now + wait_after(entry.attempts, chance, first_s=settings.TICKET_RETRY_S)
            entry.outcome, entry.detail = told.code, told.detail
        elif told.of_server:
            entry.state, entry.next_at = EntryState.WAITING, now + timedelta(minutes=1)
            entry.outcome, entry.detail = told.code, told.detail
        else:
            entry.state, entry.outcome, entry.detail, entry.ended_at = (
                EntryState.DEAD,
                told.code,
                told.detail,
                now,
            )
            _record("ticket.stuck", ticket, actor, now, code=told.code, outcome="failed")
        if isinstance(told, KeyGone):
            ticket.diverged = "key_gone"
        if isinstance(told, (Missing, KeyGone)) and ticket.issue is not None:
            ticket.state = TicketState.ORPHANED
        entry.save()
        if ticket.issue is not None:
            _give_up_number(ticket)
        ticket.save(update_fields=OF_THE_LANE)


def _give_up_number(ticket: Ticket) -> None:
    """The issue carries this ticket's key, so another ticket that has its number lost its own: a Redmine that was put back from
    a backup gives numbers a second time."""
    others = Ticket.objects.filter(server=ticket.server, issue=ticket.issue).exclude(id=ticket.id)
    others.update(issue=None, state=TicketState.ORPHANED, diverged="issue_gone")


def _note_error(here: Round, error: RedmineError, actor: Actor) -> None:
    if error.of_server:
        refused = isinstance(error, KeyRefused) or not error.passes
        health = Health.REFUSED if refused else Health.FAILING
        _note_server(here.server, here.lease, error.code, health, actor, here.clock())
    elif not error.passes:
        # It refused this one entry, so it is there and answers.
        _note_server(here.server, here.lease, "", Health.GOOD, actor, here.clock())


def _note_server(
    server: RedmineServer, lease: Lease, code: str, health: Health, actor: Actor, now: datetime
) -> None:
    """Tell the breaker, and people once when it changes."""
    note_health(lease, health, code)
    if server.problem == code:
        return
    with tenant_scope(server.tenant_id):
        server.problem, server.problem_since = code, now if code else None
        server.save(update_fields=["problem", "problem_since"])


def _record(
    kind: str, ticket: Ticket, actor: Actor, now: datetime, *, code: str = "", outcome: str = "ok"
) -> None:
    """Into the ledger, at the thing that the ticket speaks of, so that its page tells the whole story."""
    detail: dict[str, object] = {"issue": ticket.issue or 0, "ticket": str(ticket.id)} | (
        {"code": code} if code else {}
    )
    record(
        kind, actor=actor, subject=Subject(ticket.target_type, ticket.target_id, ticket.target_name), now=now,
        operation_id=ticket.operation, detail=detail, outcome=outcome,
    )  # fmt: skip
