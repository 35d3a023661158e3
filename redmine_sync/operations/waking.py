"""Webhooks of Redmine 7: signed, they say that something changed, and nothing else is believed of them.

Redmine sends each at most once and names no delivery, so what they say is never taken: they only make the poller look now
instead of within the minute. Without them nothing is missed.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from uuid import UUID

from accounts.domain.permissions import Permission
from medical_audit import sealing
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import NotFound
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.addresses import host_of
from redmine_sync.domain.hooks import is_signed
from redmine_sync.models import RedmineKey, RedmineServer, ServerState
from redmine_sync.queries.servers import NOWHERE, WAKE_NAME, tenant_of_hook, wake_secrets


def exchange_secret(server_id: UUID, *, actor: Actor, now: datetime) -> str:
    """A new secret for the address of this server, shown this once; one from before is good no longer.

    Raises NotPermitted, NotFound, Refused (no_seal_key).
    """
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    secret = secrets.token_urlsafe(32)
    with tenant_scope(actor.tenant_id):
        _keep(
            server_id,
            sealing.seal(secret, tenant_id=actor.tenant_id, field=WAKE_NAME),
            "redmine.hook_made",
            actor,
            now,
        )
    return secret


def end(server_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Nothing that comes to the address of this server is listened to. Raises NotPermitted, NotFound."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        _keep(server_id, "", "redmine.hook_ended", actor, now)


def hear(server_id: UUID, body: bytes, *, signature: str, now: datetime) -> UUID | None:
    """Whether this comes from that server: then it is noted, and the tenant to wake is given. The body is not read."""
    tenant_id = tenant_of_hook(server_id)
    with tenant_scope(tenant_id or NOWHERE):
        if not is_signed(body, signature, wake_secrets(server_id)):
            return None
        RedmineServer.objects.filter(id=server_id).update(hook_came_at=now)
    return tenant_id


def _keep(server_id: UUID, sealed: str, kind: str, actor: Actor, now: datetime) -> None:
    row = RedmineKey.objects.filter(server=server_id, server__state=ServerState.ACTIVE).select_related(
        "server"
    )
    kept = row.select_for_update(of=("self",)).first()
    if kept is None:
        raise NotFound(type="redmine")
    kept.hook = sealed
    kept.save(update_fields=["hook"])
    record(kind, actor=actor, subject=Subject("redmine", str(server_id), host_of(kept.server.url)), now=now)
