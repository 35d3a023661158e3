"""A person wants a ticket of a left-over volume: said in the ledger under his name, and written by whoever follows it.

Nothing leaves the house by a way that two people did not agree on: the ticket goes where the rule of the volume's project says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.operations.batches import Undone, limited
from infra.operations.leftovers import facts_of, held, record_of
from infra.queries.leftovers import is_left_over, places_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import Refused
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.topics import VOLUME_ASKED
from redmine_sync.models import RedmineServer, ServerState, TicketRule
from redmine_sync.queries.servers import rules_at, server_in
from redmine_sync.queries.tickets import volumes_told


def ask_for_volumes(
    volume_ids: Sequence[UUID], *, actor: Actor, now: datetime, reason: str
) -> tuple[RedmineServer, list[UUID], list[Undone]]:
    """Ask for a ticket of each; gives the server, those that will have one, and those left out, of which none holds back another.

    One that has its ticket, or stands in the one for all of its project, gets no second one. Raises NotPermitted, Refused
    (too_many, reason_missing, redmine_not_connected).
    """
    actor.require(Permission.VOLUME_DELETE, actor.tenant_id)
    limited(volume_ids)
    if not reason.strip():
        raise Refused("reason_missing")
    with tenant_scope(actor.tenant_id):
        # Locked before anything is looked up: whoever asks for the same at the same time waits, and then finds it asked for.
        rows = held(volume_ids)
        server = server_in(ServerState.ACTIVE)
        if server is None:
            raise Refused("redmine_not_connected")
        rules, places, told = rules_at(server), places_of(list(rows.values())), volumes_told(server)
        wanted: list[Any] = []
        undone: list[Undone] = []
        for one in dict.fromkeys(volume_ids):
            row = rows.get(one)
            code = "not_found" if row is None else _refusal(row, places[one][0], rules, told, now)
            if code:
                undone.append(Undone(str(row or one), code))
            else:
                wanted.append(row)
        record_of(VOLUME_ASKED, wanted, actor, now, lambda row: facts_of(row, now), reason=reason)
    return server, [row.id for row in wanted], undone


def _refusal(
    row: Any, project: str, rules: Mapping[str, TicketRule], told: Mapping[str, object], now: datetime
) -> str:
    if not is_left_over(row, row.since, now):
        return "not_left_over"
    if str(row.id) in told:
        return "ticket_there" if told[str(row.id)] else "ticket_asked"
    return "" if project in rules or "" in rules else "no_ticket_rule"
