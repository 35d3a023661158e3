from redmine_sync.models.server import RedmineKey, RedmineServer, ServerState, TicketRule
from redmine_sync.models.ticket import Entry, EntryState, Ticket, TicketState, Verb

__all__ = [
    "Entry",
    "EntryState",
    "RedmineKey",
    "RedmineServer",
    "ServerState",
    "Ticket",
    "TicketRule",
    "TicketState",
    "Verb",
]
