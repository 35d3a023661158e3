"""Reading what people did at the server: by the time of the last change, with an overlap, resumable after each page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db.models import Min

from medical_audit.domain.actor import Actor
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.issues import Issue
from redmine_sync.domain.problems import Forbidden, Missing, RedmineError
from redmine_sync.models import RedmineServer, Ticket, TicketState
from redmine_sync.operations.reading import judge_quietly, learn
from redmine_sync.redmine import PAGE, Tickets

EVERY = timedelta(seconds=60)
RECONCILE_EVERY = timedelta(hours=1)
#: How far back of the newest change that was read the next look begins.
OVERLAP = timedelta(seconds=120)
#: The server's clock has whole seconds: an issue is settled at a second once it was read that long after the first time.
SETTLED_AFTER = timedelta(seconds=2)
PAGES_MAX = 50

Ours = Callable[[], None]
Clock = Callable[[], datetime]


def poll_when_due(server: RedmineServer, tickets: Tickets, ours: Ours, *, actor: Actor, clock: Clock) -> int:
    """Read what changed since the last look, once a minute; hourly look at every issue. Gives the number of issues read.

    Raises RedmineError.
    """
    now = clock()
    if server.polled_at is not None and now - server.polled_at < EVERY:
        return 0
    if server.reconciled_at is None:
        server.reconciled_at = now
    read = _poll(server, tickets, ours, actor=actor, clock=clock)
    if now - server.reconciled_at >= RECONCILE_EVERY:
        read += _reconcile(server, tickets, ours, clock=clock)
        server.reconciled_at = now
    server.polled_at = now
    with tenant_scope(actor.tenant_id):
        server.save(update_fields=["polled_at", "polled_to", "reconciled_at"])
    return read


def _poll(server: RedmineServer, tickets: Tickets, ours: Ours, *, actor: Actor, clock: Clock) -> int:
    assert server.key_field is not None
    since, offset, read = _begin(server), 0, 0
    if since is None:
        return 0
    for _ in range(PAGES_MAX):
        ours()
        page = tickets.changed(server.key_field, since, offset=offset)
        if not page.issues:
            break
        read += _take(server, tickets, page.issues, ours, clock)
        newest = page.issues[-1].updated_on
        server.polled_to = max(newest, server.polled_to or newest)
        # A page is kept when it is read: whoever comes next goes on from here, and people see how much is left.
        server.unread = max(0, page.total - offset - len(page.issues))
        with tenant_scope(actor.tenant_id):
            server.save(update_fields=["polled_to", "unread"])
        if len(page.issues) < PAGE:
            break
        # Only within one second is there no later place to go on from: a mass change puts hundreds there.
        offset = offset + PAGE if newest == since else 0
        since = newest
    return read


def _begin(server: RedmineServer) -> datetime | None:
    """Where to read from: taken from what the server said, never from our clock."""
    if server.polled_to is not None:
        return server.polled_to - OVERLAP
    with tenant_scope(server.tenant_id):
        known = Ticket.objects.filter(server=server, issue__isnull=False)
        first: datetime | None = known.aggregate(first=Min("updated_on"))["first"]
    return first


def _take(server: RedmineServer, tickets: Tickets, issues: Sequence[Issue], ours: Ours, clock: Clock) -> int:
    """Read those of our issues that were not read at their present second for good."""
    with tenant_scope(server.tenant_id):
        rows = Ticket.objects.filter(server=server, issue__in=[one.id for one in issues])
        mine = {ticket.issue: ticket for ticket in rows}
    changed = [mine[one.id] for one in issues if one.id in mine and not _is_settled(mine[one.id], one)]
    return _read_all(server, tickets, changed, ours, clock)


def _read_all(
    server: RedmineServer, tickets: Tickets, changed: Sequence[Ticket], ours: Ours, clock: Clock
) -> int:
    """Read each and keep what was read together; when the server fails in the middle, what came before is kept."""
    read: list[Ticket] = []
    try:
        for ticket in changed:
            _read(server, tickets, ticket, ours, clock)
            read.append(ticket)
    except RedmineError:
        _keep(server, read)
        raise
    _keep(server, read)
    return len(read)


def _keep(server: RedmineServer, read: Sequence[Ticket]) -> None:
    with tenant_scope(server.tenant_id):
        for ticket in read:
            ticket.save()


def _is_settled(ticket: Ticket, issue: Issue) -> bool:
    if ticket.updated_on != issue.updated_on or ticket.read_at is None or ticket.read_since is None:
        return False
    return ticket.read_at - ticket.read_since >= SETTLED_AFTER


def _read(server: RedmineServer, tickets: Tickets, ticket: Ticket, ours: Ours, clock: Clock) -> None:
    assert server.key_field is not None
    assert server.bot_id is not None
    assert ticket.issue is not None
    ours()
    try:
        issue = tickets.read(ticket.issue, server.key_field)
        if issue.key != ticket.key:
            raise Missing(f"#{issue.id} carries another key")
    except Missing:
        ticket.state, ticket.diverged = TicketState.ORPHANED, "issue_gone"
    except Forbidden:
        ticket.diverged = "issue_hidden"
    else:
        now = clock()
        learn(ticket, issue, bot=server.bot_id, now=now)
        closed_ids = {one["id"] for one in server.report["statuses"] if one["closed"]}
        until = (issue.closed_on or now) + timedelta(days=server.snooze_days)
        judge_quietly(ticket, issue, bot=server.bot_id, closed_ids=closed_ids, snooze_until=until)


def _reconcile(server: RedmineServer, tickets: Tickets, ours: Ours, *, clock: Clock) -> int:
    """Look at every issue that is not gone already: what was deleted, hidden or missed shows here."""
    assert server.key_field is not None
    with tenant_scope(server.tenant_id):
        rows = Ticket.objects.filter(server=server, issue__isnull=False).exclude(state=TicketState.ORPHANED)
        mine = list(rows.order_by("issue"))
    read = 0
    for begin in range(0, len(mine), PAGE):
        part = mine[begin : begin + PAGE]
        ours()
        there = {one.id: one for one in tickets.among(server.key_field, [ticket.issue for ticket in part])}
        changed = [
            ticket
            for ticket in part
            if (issue := there.get(ticket.issue or 0)) is None or issue.updated_on != ticket.updated_on
        ]
        read += _read_all(server, tickets, changed, ours, clock)
    return read
