"""Which statuses of a server close an issue: people there add some, and change what they mean, long after the connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.issues import Issue, Status
from redmine_sync.models import RedmineServer
from redmine_sync.redmine import Tickets


def as_rows(statuses: Sequence[Status]) -> list[dict[str, Any]]:
    """As a server's report holds them."""
    return [{"id": one.id, "name": one.name, "closed": one.closed} for one in statuses]


def note_statuses(server: RedmineServer, tickets: Tickets) -> None:
    """Ask the server, and keep what it says. Raises RedmineError."""
    rows = as_rows(tickets.statuses())
    with tenant_scope(server.tenant_id):
        # Somebody may have had the server looked at meanwhile, and that look saw more.
        now = RedmineServer.objects.select_for_update().get(id=server.id)
        now.report["statuses"] = rows
        now.save(update_fields=["report"])
    server.report["statuses"] = rows


def is_closed(server: RedmineServer, tickets: Tickets, issue: Issue, ours: Callable[[], None]) -> bool:
    """Whether an issue stands closed; of a status that nobody has heard of the server is asked. Raises RedmineError."""
    if issue.status_id not in _closed(server):
        ours()
        note_statuses(server, tickets)
        # One that it does not list either is asked for once a visit, and taken for open.
        if issue.status_id not in _closed(server):
            server.report["statuses"].append({"id": issue.status_id, "name": issue.status, "closed": False})
    return _closed(server)[issue.status_id]


def _closed(server: RedmineServer) -> dict[int, bool]:
    return {one["id"]: one["closed"] for one in server.report["statuses"]}
