"""Sealing every stored secret anew with the key that seals today, so that an old one can be taken away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from accounts.models import ChannelSecret
from accounts.operations import sign_on
from accounts.queries.channels import SECRET_NAME
from medical_audit import sealing
from medical_audit.domain.actor import Actor, Subject
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.addresses import host_of
from redmine_sync.models import RedmineKey, RepositorySecret, ServiceKey, Use
from redmine_sync.queries.repositories import DEPLOY_NAME, HOOK_NAME, SERVICE_NAME
from redmine_sync.queries.servers import KEY_NAME, WAKE_NAME


def reseal(*, actor: Actor, now: datetime) -> int:
    """All of one tenant; gives how many were sealed anew. Raises Unsealable where a key of the environment is missing."""
    with tenant_scope(actor.tenant_id):
        provider = sign_on.reseal(actor=actor, now=now)
        done = [
            *_of_servers(RedmineKey, KEY_NAME, "redmine.resealed", actor, now),
            *_of_hooks(actor, now),
            *_of_servers(ServiceKey, SERVICE_NAME, "redmine.service_resealed", actor, now),
            *_of_repositories(actor, now),
            *_of_channels(actor, now),
        ]
    return provider + sum(done)


def _of_servers(
    model: type[RedmineKey | ServiceKey], field: str, kind: str, actor: Actor, now: datetime
) -> Iterator[bool]:
    for row in model.objects.select_related("server").select_for_update(of=("self",)).order_by("id"):
        if _anew(row, field, actor):
            subject = Subject("redmine", str(UUID(str(row.server_id))), host_of(row.server.url))
            record(kind, actor=actor, subject=subject, now=now)
            yield True


def _of_hooks(actor: Actor, now: datetime) -> Iterator[bool]:
    rows = RedmineKey.objects.exclude(hook="").select_related("server").select_for_update(of=("self",))
    for row in rows.order_by("id"):
        if not sealing.is_current(row.hook):
            secret = sealing.unseal(row.hook, tenant_id=actor.tenant_id, field=WAKE_NAME)
            row.hook = sealing.seal(secret, tenant_id=actor.tenant_id, field=WAKE_NAME)
            row.save(update_fields=["hook"])
            subject = Subject("redmine", str(row.server_id), host_of(row.server.url))
            record("redmine.hook_resealed", actor=actor, subject=subject, now=now)
            yield True


def _of_repositories(actor: Actor, now: datetime) -> Iterator[bool]:
    rows = (
        RepositorySecret.objects.select_related("repository").select_for_update(of=("self",)).order_by("id")
    )
    for row in rows:
        if _anew(row, HOOK_NAME if row.use == Use.HOOK else DEPLOY_NAME, actor):
            subject = Subject("repository", str(row.repository_id), row.repository.name)
            record("repository.resealed", actor=actor, subject=subject, now=now)
            yield True


def _of_channels(actor: Actor, now: datetime) -> Iterator[bool]:
    rows = ChannelSecret.objects.select_related("channel").select_for_update(of=("self",)).order_by("id")
    for row in rows:
        if _anew(row, SECRET_NAME, actor):
            subject = Subject("channel", str(row.channel_id), row.channel.name)
            record("channel.resealed", actor=actor, subject=subject, now=now)
            yield True


def _anew(row: RedmineKey | ServiceKey | RepositorySecret | ChannelSecret, field: str, actor: Actor) -> bool:
    if sealing.is_current(row.sealed):
        return False
    secret = sealing.unseal(row.sealed, tenant_id=actor.tenant_id, field=field)
    row.sealed = sealing.seal(secret, tenant_id=actor.tenant_id, field=field)
    row.save(update_fields=["sealed"])
    return True
