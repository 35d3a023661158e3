"""One attempt at one entry: look first, then write once, then read back what really happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError

from medical_audit.domain.errors import LeaseLost
from medical_audit.operations.lanes import Lease
from redmine_sync.domain.issues import Issue, NewIssue
from redmine_sync.domain.judging import Do, Judgement, is_told, to_close, to_open
from redmine_sync.domain.problems import RedmineError, Unforeseen
from redmine_sync.domain.writing import mark_of
from redmine_sync.models import Entry, RedmineServer, TicketState, Verb
from redmine_sync.operations.reading import learn, require_ours
from redmine_sync.operations.statuses import is_closed
from redmine_sync.operations.telling import description_of, note_of, subject_of
from redmine_sync.redmine import Tickets

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Round:
    """A worker's time at one server; `slug` names the tenant in addresses."""

    server: RedmineServer
    tickets: Tickets
    lease: Lease
    slug: str
    clock: Callable[[], datetime]

    def ours(self) -> None:
        """Right before each call: is the server still this worker's? Raises LeaseLost."""
        if not self.lease.keep():
            raise LeaseLost(lane=self.lease.lane)


@dataclass(frozen=True, slots=True)
class Told:
    """How it ended: `written` or left out, an `outcome` for words, the ledger's event if it is one worth recording."""

    outcome: str
    written: bool = True
    event: str = ""


class Attempt:
    """Changes the ticket in memory only; whoever holds the lease writes it down."""

    def __init__(self, here: Round, entry: Entry) -> None:
        self.here, self.entry, self.ticket = here, entry, entry.ticket
        server = here.server
        assert server.key_field is not None
        assert server.bot_id is not None
        self.field: int = server.key_field
        self.bot: int = server.bot_id

    def run(self) -> Told | RedmineError:
        """Raises LeaseLost when the server is somebody else's by now, and what the database says."""
        try:
            return self._open() if self.entry.verb == Verb.OPEN else self._close()
        except RedmineError as error:
            return error
        except (LeaseLost, DatabaseError):
            raise
        except Exception as error:
            log.exception("redmine_attempt_failed", entry=str(self.entry.id))
            return Unforeseen(type(error).__name__)

    # -- opening -------------------------------------------------------------------------------------------------------

    def _open(self) -> Told:
        ticket = self.ticket
        if ticket.issue is None:
            found = self._find()
            if found is None:
                return self._create()
            ticket.issue = found
        issue = self._read()
        if mark_of(self.entry.id) in issue.description and issue.author_id == self.bot:
            self._now(TicketState.OPEN, times=1)
            return Told("created", event="ticket.opened")
        was_over = ticket.wished_closed
        verdict = to_open(
            closed=self._is_closed(issue), journals=issue.journals, bot=self.bot,
            settled=ticket.settled_journal, was_over=was_over, snooze=timedelta(days=self.here.server.snooze_days),
            now=self.here.clock(), closed_on=issue.closed_on,
        )  # fmt: skip
        if verdict.do == Do.SNOOZE:
            ticket.state, ticket.snoozed_until = TicketState.SNOOZED, verdict.until
            ticket.times += 1
            return Told("snoozed", written=False)
        moves = verdict.do == Do.MOVE
        issue = self._write(issue, self.here.server.open_status if moves else None)
        self._now(TicketState.OPEN, times=ticket.times + 1)
        if moves and self._is_closed(issue):
            return self._status_refused()
        self._agree()
        return Told("reopened" if moves else "noted", event="ticket.reopened" if moves else "")

    def _find(self) -> int | None:
        """The issue that carries the ticket's key; the oldest, should there be several."""
        self.here.ours()
        found = self.here.tickets.find(self.field, self.ticket.key)
        if len(found) > 1:
            self.ticket.diverged = "several_issues"
        return found[0].id if found else None

    def _create(self) -> Told:
        ticket = self.ticket
        new = NewIssue(
            ticket.redmine_project, ticket.tracker, subject_of(ticket, self.entry),
            description_of(ticket, self.entry, self.here.slug), ticket.key,
        )  # fmt: skip
        self.here.ours()
        issue = self.here.tickets.create(new, self.field)
        ticket.issue = issue.id
        learn(ticket, issue, bot=self.bot, now=self.here.clock())
        self._now(TicketState.OPEN, times=1)
        return Told("created", event="ticket.opened")

    # -- closing -------------------------------------------------------------------------------------------------------

    def _close(self) -> Told:
        ticket = self.ticket
        if ticket.issue is None:
            ticket.issue = self._find()
        ticket.wished_closed, ticket.snoozed_until = True, None
        if ticket.issue is None:
            ticket.state = TicketState.CLOSED
            return Told("no_issue", written=False)
        issue = self._read()
        told = is_told(issue.journals, mark_of(self.entry.id), bot=self.bot)
        verdict = to_close(
            closed=self._is_closed(issue), journals=issue.journals, bot=self.bot,
            settled=ticket.settled_journal,
        )  # fmt: skip
        if verdict.do == Do.NOTHING:
            self._now(TicketState.CLOSED)
            self._agree()
            return Told(
                "closed" if told else "closed_already", written=told, event="ticket.closed" if told else ""
            )
        return self._closing(issue, verdict)

    def _closing(self, issue: Issue, verdict: Judgement) -> Told:
        ticket = self.ticket
        moves = verdict.do == Do.MOVE
        issue = self._write(issue, self.here.server.closed_status if moves else None)
        if not moves:
            ticket.diverged = verdict.diverged
            return Told("noted")
        if not self._is_closed(issue):
            return self._status_refused()
        self._now(TicketState.CLOSED)
        self._agree()
        return Told("closed", event="ticket.closed")

    # -- both ----------------------------------------------------------------------------------------------------------

    def _read(self) -> Issue:
        assert self.ticket.issue is not None
        self.here.ours()
        issue = self.here.tickets.read(self.ticket.issue, self.field)
        require_ours(issue, self.ticket)
        learn(self.ticket, issue, bot=self.bot, now=self.here.clock())
        return issue

    def _is_closed(self, issue: Issue) -> bool:
        return is_closed(self.here.server, self.here.tickets, issue, self.here.ours)

    def _write(self, issue: Issue, status: int | None) -> Issue:
        """The note, once, with the move if there is one; then what the server says it is. Nothing is sent where the note is
        there and no move is wanted: even a change of nothing would show as a change."""
        told = is_told(issue.journals, mark_of(self.entry.id), bot=self.bot)
        if told and self.entry.attempts > 1:
            # The note came through, and with it the move if the server allowed it.
            return issue
        note = note_of(self.ticket, self.entry, self.here.slug)
        self.here.ours()
        self.here.tickets.update(issue.id, notes=note, status_id=status)
        return self._read()

    def _now(self, state: TicketState, *, times: int | None = None) -> None:
        ticket = self.ticket
        ticket.state, ticket.wished_closed = state, state == TicketState.CLOSED
        ticket.snoozed_until = None
        ticket.times = ticket.times if times is None else times

    def _agree(self) -> None:
        """Both say the same again; that there are several issues stays until a person has seen it."""
        if self.ticket.diverged != "several_issues":
            self.ticket.diverged = ""

    def _status_refused(self) -> Told:
        """The server took the note and left the status: its workflow does not allow Toban's user this move."""
        self.ticket.diverged = "status_refused"
        return Told("status_refused")
