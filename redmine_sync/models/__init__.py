from redmine_sync.models.repository import (
    Cause,
    Delivery,
    Place,
    Repository,
    RepositorySecret,
    RepositoryState,
    RunState,
    ServiceKey,
    SyncRun,
    Use,
)
from redmine_sync.models.server import RedmineKey, RedmineServer, ServerState, TicketRule
from redmine_sync.models.ticket import Entry, EntryState, Ticket, TicketState, Verb

__all__ = [
    "Cause",
    "Delivery",
    "Entry",
    "EntryState",
    "Place",
    "RedmineKey",
    "RedmineServer",
    "Repository",
    "RepositorySecret",
    "RepositoryState",
    "RunState",
    "ServerState",
    "ServiceKey",
    "SyncRun",
    "Ticket",
    "TicketRule",
    "TicketState",
    "Use",
    "Verb",
]
