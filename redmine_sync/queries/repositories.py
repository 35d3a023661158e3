"""Repositories of the bound tenant: their rows, what became of pushes, and the ways to GitHub and to Redmine's commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection

from accounts.domain.permissions import Permission
from medical_audit import sealing
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.queries.paging import Cursors, Page, page_of
from redmine_sync.domain.remotes import read_remote
from redmine_sync.git import Access
from redmine_sync.models import (
    Delivery,
    Place,
    RedmineKey,
    RedmineServer,
    Repository,
    RepositorySecret,
    RepositoryState,
    RunState,
    ServiceKey,
    SyncRun,
    Use,
)
from redmine_sync.queries.servers import KEY_NAME, opened_key
from redmine_sync.redmine import Commits, RedmineCommits

#: What sealed secrets are bound to, besides their tenant.
HOOK_NAME, DEPLOY_NAME, SERVICE_NAME = "github.hook_secret", "git.deploy_key", "redmine.service_key"
RECENT = 10


@dataclass(frozen=True, slots=True)
class Keys:
    """What may be shown of a repository's keys."""

    deploy: RepositorySecret | None
    next_deploy: RepositorySecret | None
    hook: RepositorySecret | None
    old_hook: RepositorySecret | None


def list_repositories(*, actor: Actor) -> Sequence[Repository]:
    """Those that are there, by name."""
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    rows = Repository.objects.exclude(state=RepositoryState.LEFT).select_related("server")
    return list(rows.order_by("name"))


def get_repository(pk: UUID, *, actor: Actor) -> Repository:
    """Raises NotFound, NotPermitted."""
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    row: Repository | None = Repository.objects.filter(id=pk).select_related("server").first()
    if row is None:
        raise NotFound(type="repository")
    return row


def deliveries(row: Repository, cursors: Cursors, *, actor: Actor) -> Page:
    """What GitHub sent, newest first. Raises NotPermitted, Refused."""
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    rows = Delivery.objects.filter(repository=row).select_related("run")
    return page_of(rows, ("received_at", "id"), cursors, descending=True)


def recent_runs(row: Repository, *, actor: Actor) -> Sequence[SyncRun]:
    """What was done, newest first; at most ten, besides what is under way."""
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    return list(SyncRun.objects.filter(repository=row, backfill=False).order_by("-asked_at", "-id")[:RECENT])


def last_backfill(row: Repository, *, actor: Actor) -> SyncRun | None:
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    run: SyncRun | None = (
        SyncRun.objects.filter(repository=row, backfill=True).order_by("-asked_at", "-id").first()
    )
    return run


def is_busy(row: Repository) -> bool:
    """Whether something waits or runs."""
    return SyncRun.objects.filter(repository=row, state__in=(RunState.WAITING, RunState.RUNNING)).exists()


def keys_of(row: Repository, *, actor: Actor) -> Keys:
    actor.require(Permission.OPERATION_VIEW, actor.tenant_id)
    found = {(one.use, one.place): one for one in RepositorySecret.objects.filter(repository=row)}
    return Keys(
        found.get((Use.DEPLOY, Place.CURRENT)), found.get((Use.DEPLOY, Place.OTHER)),
        found.get((Use.HOOK, Place.CURRENT)), found.get((Use.HOOK, Place.OTHER)),
    )  # fmt: skip


def has_service_key(server: RedmineServer) -> bool:
    return bool(ServiceKey.objects.filter(server=server).exists())


def mirror_folder(row: Repository) -> Path:
    return Path(settings.MIRRORS) / f"{row.id}.git"


def mirror_in_redmine(row: Repository) -> str:
    """The path of the mirror as Redmine sees it."""
    return f"{settings.MIRRORS_IN_REDMINE.rstrip('/')}/{row.id}.git"


def name_in_redmine(row: Repository) -> str:
    """How the repository is called in Redmine where it is not the project's only one."""
    return f"toban-{row.id.hex[:8]}"


def access_of(row: Repository, place: Place = Place.CURRENT) -> Access | None:
    """How to get at it with the current deploy key or the next; None where there is no such key. Raises Unsealable."""
    remote = read_remote(row.url, local=settings.LOCAL)
    if not remote.has_key:
        return Access(row.url) if place == Place.CURRENT else None
    kept = RepositorySecret.objects.filter(repository=row, use=Use.DEPLOY, place=place).first()
    if kept is None:
        return None
    key = sealing.unseal(kept.sealed, tenant_id=row.tenant_id, field=DEPLOY_NAME)
    return Access(row.url, key, row.host_key)


def commits_of(server: RedmineServer) -> Commits:
    """The gateway to the commits of a Redmine, opened now. Raises sealing.Unsealable."""
    keys = opened_key(RedmineKey, server, KEY_NAME), opened_key(ServiceKey, server, SERVICE_NAME)
    return RedmineCommits(server.url, *keys)


def hook_secrets(repository_id: UUID, now: datetime) -> list[str]:
    """The secrets by which a delivery is believed now: one, and during an exchange the one before. Unsealable ones are none."""
    rows = RepositorySecret.objects.filter(repository=repository_id, use=Use.HOOK)
    opened = []
    for row in rows:
        if row.ends_at is None or row.ends_at > now:
            try:
                opened.append(sealing.unseal(row.sealed, tenant_id=row.tenant_id, field=HOOK_NAME))
            except sealing.Unsealable:
                continue
    return opened


def hooked(project: str) -> list[tuple[UUID, UUID]]:
    """(tenant, repository) of all that a delivery for this Redmine project may be for, over all tenants: ids only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, repository_id FROM queue.hooked_repositories(%s)", [project])
        return list(cursor.fetchall())


def due(now: datetime) -> list[tuple[UUID, UUID]]:
    """(tenant, repository) of every repository at which there is something to do: ids only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, repository_id FROM queue.due_repositories(%s)", [now])
        return list(cursor.fetchall())
