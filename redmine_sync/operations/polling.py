"""Reading what people did at the server: by the time of the last change, with an overlap, resumable after each page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Min, Q

from medical_audit.domain.actor import Actor
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.issues import Issue
from redmine_sync.domain.problems import Forbidden, KeyGone, Missing, RedmineError
from redmine_sync.models import RedmineServer, Ticket, TicketState
from redmine_sync.models.ticket import OF_THE_LANE
from redmine_sync.operations.reading import judge_quietly, learn, require_ours
from redmine_sync.operations.statuses import is_closed, note_statuses
from redmine_sync.redmine import PAGE, Tickets

EVERY = timedelta(seconds=60)
#: Redmine's own webhooks make it sooner; however many come, a look begins no sooner than this after the last.
AT_LEAST = timedelta(seconds=5)
RECONCILE_EVERY = timedelta(hours=1)
#: How far back of the newest change that was read the next look begins.
OVERLAP = timedelta(seconds=120)
#: The server's clock has whole seconds: an issue is settled at a second once it was read that long after the first time.
SETTLED_AFTER = timedelta(seconds=2)
PAGES_MAX = 50
#: A closed ticket is looked at by the hour for so long after its last change.
CLOSED_FOR = timedelta(days=30)
HIDDEN = "issue_hidden"

Ours = Callable[[], None]
Clock = Callable[[], datetime]


def poll_when_due(server: RedmineServer, tickets: Tickets, ours: Ours, *, actor: Actor, clock: Clock) -> int:
    """Read what changed since the last look, once a minute or when Redmine says so; hourly look at every issue. Gives the
    number of issues read.

    Raises RedmineError.
    """
    now = clock()
    if not _is_due(server, now):
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


def _is_due(server: RedmineServer, now: datetime) -> bool:
    if server.polled_at is None:
        return True
    woken = server.hook_came_at is not None and server.hook_came_at > server.polled_at
    # A clock that was put back must not stop the reading until it has caught up.
    return not timedelta() <= now - server.polled_at < (AT_LEAST if woken else EVERY)


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
        # Only within one second is there no later place to go on from: a mass change puts hundreds there. What is asked for
        # from one second on may begin with the second before.
        since, offset = (newest, 0) if newest > since else (since, offset + PAGE)
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
    """Read each and keep what was read together; when the server fails in the middle, what came before is kept. Those about
    which a person decided meanwhile are read once more, upon his decision."""
    decided = _read_once(server, tickets, changed, ours, clock)
    if decided:
        with tenant_scope(server.tenant_id):
            anew = list(Ticket.objects.filter(id__in=decided))
        _read_once(server, tickets, anew, ours, clock)
    return len(changed)


def _read_once(
    server: RedmineServer, tickets: Tickets, changed: Sequence[Ticket], ours: Ours, clock: Clock
) -> list[UUID]:
    """Gives those whose row stays as somebody decided it meanwhile."""
    read: list[tuple[Ticket, str]] = []
    try:
        for ticket in changed:
            before = ticket.diverged
            _read(server, tickets, ticket, ours, clock)
            read.append((ticket, before))
    except RedmineError:
        _keep(server, read)
        raise
    return _keep(server, read)


def _keep(server: RedmineServer, read: Sequence[tuple[Ticket, str]]) -> list[UUID]:
    with tenant_scope(server.tenant_id):
        return [
            ticket.id for ticket, before in read
            if not Ticket.objects.filter(id=ticket.id, diverged=before, settled_journal=ticket.settled_journal)
            .update(**{name: getattr(ticket, name) for name in OF_THE_LANE})
        ]  # fmt: skip


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
        require_ours(issue, ticket)
    except Missing:
        ticket.state, ticket.diverged = TicketState.ORPHANED, "issue_gone"
    except KeyGone:
        ticket.state, ticket.diverged = TicketState.ORPHANED, "key_gone"
    except Forbidden:
        ticket.diverged = HIDDEN
    else:
        now = clock()
        learn(ticket, issue, bot=server.bot_id, now=now)
        if ticket.diverged == HIDDEN:
            ticket.diverged = ""
        closed = is_closed(server, tickets, issue, ours)
        until = (issue.closed_on or now) + timedelta(days=server.snooze_days)
        judge_quietly(ticket, issue, bot=server.bot_id, closed=closed, snooze_until=until)


def _reconcile(server: RedmineServer, tickets: Tickets, ours: Ours, *, clock: Clock) -> int:
    """Look at every issue about which something is to come: what was deleted, hidden or missed shows here. What is closed
    is looked at while that is recent, a hundred at a time, and never by itself: later its next trouble looks at it."""
    assert server.key_field is not None
    ours()
    note_statuses(server, tickets)
    with tenant_scope(server.tenant_id):
        rows = Ticket.objects.filter(server=server, issue__isnull=False).exclude(state=TicketState.ORPHANED)
        over = Q(state=TicketState.CLOSED) & ~Q(updated_on__gte=clock() - CLOSED_FOR)
        mine = list(rows.exclude(over).order_by("issue"))
    read = 0
    for begin in range(0, len(mine), PAGE):
        part = mine[begin : begin + PAGE]
        ours()
        there = {one.id: one for one in tickets.among(server.key_field, [ticket.issue for ticket in part])}
        changed = [ticket for ticket in part if _is_to_be_read(ticket, there.get(ticket.issue or 0))]
        read += _read_all(server, tickets, changed, ours, clock)
    ours()
    _note_projects(server, tickets)
    return read


def _is_to_be_read(ticket: Ticket, there: Issue | None) -> bool:
    """there: the issue in a list of all that Toban's user sees. Of one that is not in it only an open one is asked for, once:
    it is gone, or hidden."""
    if there is None:
        return ticket.state != TicketState.CLOSED and ticket.diverged != HIDDEN
    return there.updated_on != ticket.updated_on or ticket.diverged == HIDDEN


def _note_projects(server: RedmineServer, tickets: Tickets) -> None:
    """Projects that were closed or archived since take nothing: that shows before something is to be written there."""
    usable = {one.id for one in tickets.projects() if one.open and one.issues}
    with tenant_scope(server.tenant_id):
        # Somebody may have had the server looked at meanwhile, and that look saw more.
        now = RedmineServer.objects.select_for_update().get(id=server.id)
        for row in now.report["projects"]:
            row["usable"] = row["id"] in usable
        now.save(update_fields=["report"])
        mine = Ticket.objects.filter(server=server, state__in=(TicketState.OPEN, TicketState.SNOOZED))
        mine.filter(diverged="").exclude(redmine_project__in=usable).update(diverged="project_closed")
        mine.filter(diverged="project_closed", redmine_project__in=usable).update(diverged="")
