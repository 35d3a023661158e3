"""What an issue as it was read means for its ticket: status, the last note of a person, who moved it."""

from __future__ import annotations

from datetime import datetime

from redmine_sync.domain.issues import Issue
from redmine_sync.domain.judging import moved_by_a_person
from redmine_sync.domain.problems import KeyGone, Missing
from redmine_sync.models import Ticket, TicketState

NOTE_MAX = 300


def require_ours(issue: Issue, ticket: Ticket) -> None:
    """Raises KeyGone where it no longer holds the key, Missing where it holds another one."""
    if not issue.key:
        raise KeyGone(f"#{issue.id}")
    if issue.key != ticket.key:
        # SQLite gives the number of a deleted issue to the next one, which may be a stranger's.
        raise Missing(f"#{issue.id} carries another key")


def learn(ticket: Ticket, issue: Issue, *, bot: int, now: datetime) -> None:
    """Take over what was read, in memory. Journals are looked at once each."""
    ticket.status_id, ticket.status = issue.status_id, issue.status[:100]
    ticket.redmine_project = issue.project_id
    if ticket.updated_on != issue.updated_on:
        ticket.updated_on, ticket.read_since = issue.updated_on, now
    ticket.read_at = now
    for journal in issue.journals:
        if journal.id > ticket.read_journal and journal.author_id != bot and journal.notes.strip():
            ticket.last_note = " ".join(journal.notes.split())[:NOTE_MAX]
            ticket.last_note_by, ticket.last_note_at = journal.author[:200], journal.at
    if issue.journals:
        ticket.read_journal = max(ticket.read_journal, issue.journals[-1].id)


def judge_quietly(ticket: Ticket, issue: Issue, *, bot: int, closed: bool, snooze_until: datetime) -> None:
    """What a person did at an issue while nothing was to be written: closed early, opened again, or come round."""
    by_person = moved_by_a_person(issue.journals, bot=bot, settled=ticket.settled_journal) is not None
    if closed and ticket.wished_closed:
        ticket.state, ticket.diverged, ticket.snoozed_until = TicketState.CLOSED, "", None
    elif closed and ticket.state == TicketState.OPEN and by_person:
        ticket.state, ticket.snoozed_until = TicketState.SNOOZED, snooze_until
    elif not closed and ticket.state == TicketState.SNOOZED:
        ticket.state, ticket.snoozed_until = TicketState.OPEN, None
    elif not closed and ticket.state == TicketState.CLOSED and by_person:
        ticket.state, ticket.diverged = TicketState.OPEN, "opened_by_a_person"
