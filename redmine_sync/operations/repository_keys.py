"""Keys of repositories: deploy keys and the webhook's secrets, made here; the service key of Redmine, typed in once."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from accounts.domain.permissions import Permission
from medical_audit import sealing
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.addresses import host_of
from redmine_sync.domain.keys import make_pair
from redmine_sync.models import (
    Place,
    RedmineServer,
    Repository,
    RepositorySecret,
    RepositoryState,
    ServiceKey,
    Use,
)
from redmine_sync.queries.repositories import DEPLOY_NAME, HOOK_NAME, SERVICE_NAME

#: How long the secret before is still good, so that it can be changed at GitHub without losing a push.
BOTH_HOLD = timedelta(days=7)
KEY_MAX = 100


def exchange_hook_secret(repository_id: UUID, *, actor: Actor, now: datetime) -> str:
    """A new secret for the webhook, shown this once; the old one stays good for a week.

    Raises NotPermitted, NotFound, Refused (two_secrets): a third would end the one that GitHub may still use.
    """
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _served(repository_id)
        if row.secrets.filter(use=Use.HOOK, place=Place.OTHER, ends_at__gt=now).exists():
            raise Refused("two_secrets")
        secret = make_hook_secret(row, now=now)
        _tell("repository.secret_exchanged", row, actor, now)
    return secret


def end_old_hook_secret(repository_id: UUID, *, actor: Actor, now: datetime) -> None:
    """The secret before is good no longer. Raises NotPermitted, NotFound."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _served(repository_id)
        row.secrets.filter(use=Use.HOOK, place=Place.OTHER).delete()
        _tell("repository.secret_ended", row, actor, now)


def exchange_deploy_key(repository_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Make the next deploy key: it is taken, and the old one destroyed, as soon as the git server lets it in.

    Raises NotPermitted, NotFound.
    """
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _served(repository_id)
        if not row.secrets.filter(use=Use.DEPLOY, place=Place.CURRENT).exists():
            raise NotFound(type="repository")
        make_deploy_key(row, now=now, place=Place.OTHER)
        _tell("repository.key_made", row, actor, now)


def keep_service_key(server: RedmineServer, key: str, *, actor: Actor, now: datetime) -> None:
    """Seal the service key of a Redmine; an earlier one is replaced. Raises NotPermitted, Refused."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    key = key.strip()
    if not (key and key.isascii() and key.isprintable() and " " not in key and len(key) <= KEY_MAX):
        raise Refused("bad_service_key")
    sealed = sealing.seal(key, tenant_id=server.tenant_id, field=SERVICE_NAME)
    ServiceKey.objects.update_or_create(
        server=server,
        defaults={"sealed": sealed},
        create_defaults={"sealed": sealed, "tenant_id": server.tenant_id},
    )
    subject = Subject("redmine", str(server.id), host_of(server.url))
    record("redmine.service_key", actor=actor, subject=subject, now=now)


def make_hook_secret(row: Repository, *, now: datetime) -> str:
    """A new secret, kept sealed; the one before stays beside it for a while. The caller records it."""
    secret = secrets.token_urlsafe(32)
    row.secrets.filter(use=Use.HOOK, place=Place.OTHER).delete()
    row.secrets.filter(use=Use.HOOK, place=Place.CURRENT).update(place=Place.OTHER, ends_at=now + BOTH_HOLD)
    RepositorySecret(
        tenant_id=row.tenant_id, repository=row, use=Use.HOOK, made_at=now,
        sealed=sealing.seal(secret, tenant_id=row.tenant_id, field=HOOK_NAME),
    ).save(force_insert=True)  # fmt: skip
    return secret


def make_deploy_key(row: Repository, *, now: datetime, place: Place = Place.CURRENT) -> None:
    """A new pair, its private part kept sealed. The caller records it."""
    private, public = make_pair(f"toban-{row.id.hex[:8]}")
    row.secrets.filter(use=Use.DEPLOY, place=place).delete()
    RepositorySecret(
        tenant_id=row.tenant_id, repository=row, use=Use.DEPLOY, place=place, public=public, made_at=now,
        sealed=sealing.seal(private, tenant_id=row.tenant_id, field=DEPLOY_NAME),
    ).save(force_insert=True)  # fmt: skip


def take_next_key(row: Repository, *, actor: Actor, now: datetime) -> None:
    """The git server let the next deploy key in: it is the current one from now on."""
    with tenant_scope(row.tenant_id):
        row.secrets.filter(use=Use.DEPLOY, place=Place.CURRENT).delete()
        row.secrets.filter(use=Use.DEPLOY, place=Place.OTHER).update(place=Place.CURRENT)
        _tell("repository.key_taken", row, actor, now)


def _served(repository_id: UUID) -> Repository:
    states = (RepositoryState.DRAFT, RepositoryState.ACTIVE)
    row: Repository | None = (
        Repository.objects.filter(id=repository_id, state__in=states).select_for_update().first()
    )
    if row is None:
        raise NotFound(type="repository")
    return row


def _tell(kind: str, row: Repository, actor: Actor, now: datetime) -> None:
    record(kind, actor=actor, subject=Subject("repository", str(row.id), row.name), now=now)
