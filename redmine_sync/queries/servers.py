"""The tenant's Redmine: its row, its rules, and the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from accounts.domain.permissions import Permission
from infra.models import Resource
from medical_audit import sealing
from medical_audit.domain.actor import Actor
from medical_audit.models import Operation
from redmine_sync.models import RedmineKey, RedmineServer, ServerState, ServiceKey, TicketRule
from redmine_sync.redmine import RedmineTickets, Tickets

#: What a sealed API key is bound to, besides its tenant.
KEY_NAME = "redmine.api_key"
#: The same of the secret that Redmine signs its webhooks with.
WAKE_NAME = "redmine.hook_secret"
#: With the last answer that is still waited for, a look ends within the lease of its lane.
LOOK_S = 25.0
#: Looked into where no server is known, so that it takes as long as where one is.
NOWHERE = UUID(int=1)


def gateway_of(server: RedmineServer) -> Tickets:
    """The gateway with the server's own key, opened now. Raises sealing.Unsealable, also where no key is kept."""
    return RedmineTickets(server.url, opened_key(RedmineKey, server, KEY_NAME))


def looking_gateway_of(server: RedmineServer) -> Tickets:
    """The same for a look, which nobody waits for longer than LOOK_S. Raises sealing.Unsealable."""
    return RedmineTickets(server.url, opened_key(RedmineKey, server, KEY_NAME), patience_s=LOOK_S)


def opened_key(model: type[RedmineKey | ServiceKey], server: RedmineServer, field: str) -> str:
    """The key that is kept for the server in this table. Raises sealing.Unsealable, also where none is kept."""
    kept = model.objects.filter(server=server).first()
    if kept is None:
        raise sealing.Unsealable(f"no {field} is kept for {server.url}")
    return sealing.unseal(kept.sealed, tenant_id=server.tenant_id, field=field)


def server_in(state: ServerState) -> RedmineServer | None:
    """The bound tenant's draft or active server."""
    row: RedmineServer | None = RedmineServer.objects.filter(state=state).first()
    return row


def rules(*, actor: Actor) -> list[TicketRule]:
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    return list(TicketRule.objects.order_by("project"))


def rules_at(server: RedmineServer) -> dict[str, TicketRule]:
    """By project, those that were confirmed for this server: in another one the same numbers are other projects."""
    rows = {rule.operation: rule for rule in TicketRule.objects.all()}
    mine = Operation.objects.filter(id__in=rows, parameters__server=str(server.id)).values_list(
        "id", flat=True
    )
    return {rows[str(one)].project: rows[str(one)] for one in mine}


def projects_in_use(*, actor: Actor) -> Sequence[str]:
    """Names of projects that resources carry, in order."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    named = Resource.objects.filter(gone_at__isnull=True).exclude(project="")
    return list(named.order_by("project").values_list("project", flat=True).distinct()[:500])


def connected_tenants() -> list[tuple[UUID, UUID]]:
    """(tenant, server) of every active server, over all tenants: ids only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, server_id FROM queue.redmine_servers()")
        return list(cursor.fetchall())


def has_hook(server: RedmineServer) -> bool:
    return bool(RedmineKey.objects.filter(server=server).exclude(hook="").exists())


def wake_secrets(server_id: UUID) -> list[str]:
    """The secret by which a webhook of this server of the bound tenant is believed; none where it is not there or unsealable."""
    row = RedmineKey.objects.filter(server=server_id).exclude(hook="").first()
    try:
        return [] if row is None else [sealing.unseal(row.hook, tenant_id=row.tenant_id, field=WAKE_NAME)]
    except sealing.Unsealable:
        return []


def tenant_of_hook(server_id: UUID) -> UUID | None:
    """Whose the active server with this id is, over all tenants."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM queue.hooked_redmine(%s)", [server_id])
        found = cursor.fetchone()
    return found[0] if found else None
