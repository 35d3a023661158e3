"""Sealing every API key anew with the key that seals today, so that an old one can be taken away."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts import sealing
from medical_audit.domain.actor import Actor, Subject
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.addresses import host_of
from redmine_sync.models import RedmineKey
from redmine_sync.queries.servers import KEY_NAME


def reseal(*, actor: Actor, now: datetime) -> int:
    """All of one tenant; gives how many were sealed anew. Raises Unsealable where a key of the environment is missing."""
    done = 0
    with tenant_scope(actor.tenant_id):
        for row in RedmineKey.objects.select_related("server").select_for_update(of=("self",)).order_by("id"):
            if sealing.is_current(row.sealed):
                continue
            secret = sealing.unseal(row.sealed, tenant_id=actor.tenant_id, field=KEY_NAME)
            row.sealed = sealing.seal(secret, tenant_id=actor.tenant_id, field=KEY_NAME)
            row.save(update_fields=["sealed"])
            subject = Subject("redmine", str(UUID(str(row.server_id))), host_of(row.server.url))
            record("redmine.resealed", actor=actor, subject=subject, now=now)
            done += 1
    return done
