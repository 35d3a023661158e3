"""Registering a repository: a draft with its keys, a look by a worker, and a confirmed operation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.domain.permissions import Permission
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.addresses import BadAddress
from redmine_sync.domain.checks import is_enough
from redmine_sync.domain.keys import fingerprint_of
from redmine_sync.domain.remotes import read_remote
from redmine_sync.models import Cause, RedmineServer, Repository, RepositoryState, ServerState
from redmine_sync.operations.receiving import ask
from redmine_sync.operations.repository_keys import keep_service_key, make_deploy_key, make_hook_secret
from redmine_sync.queries.repositories import has_service_key, mirror_in_redmine

REGISTER, REPIN = "repository.register", "repository.repin"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
SERVED = (RepositoryState.DRAFT, RepositoryState.ACTIVE)


def save_draft(
    url: str,
    name: str,
    redmine_project: int,
    service_key: str,
    *,
    strict: bool,
    actor: Actor,
    now: datetime,
) -> tuple[Repository, str]:
    """Keep a repository to be looked at, with new keys; gives the webhook's secret, which is shown this once.

    `name`: GitHub's full name, "" to take it from the address. Raises NotPermitted, Refused (bad_remote, remote_secret,
    bad_repository_name, redmine_not_connected, redmine_project_unusable, no_mirrors, service_key_needed, repository_exists,
    bad_key, no_seal_key).
    """
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    if not settings.MIRRORS:
        raise Refused("no_mirrors")
    try:
        remote = read_remote(url, local=settings.LOCAL)
    except BadAddress as bad:
        raise Refused(bad.code) from bad
    name = name.strip() or remote.name
    if not _NAME.fullmatch(name):
        raise Refused("bad_repository_name")
    with tenant_scope(actor.tenant_id):
        server = RedmineServer.objects.filter(state=ServerState.ACTIVE).select_for_update().first()
        if server is None:
            raise Refused("redmine_not_connected")
        there = {one["id"]: one for one in server.report.get("projects", [])}.get(redmine_project)
        if there is None:
            raise Refused("redmine_project_unusable")
        if service_key:
            keep_service_key(server, service_key, actor=actor, now=now)
        elif not has_service_key(server):
            raise Refused("service_key_needed")
        row = Repository(
            tenant_id=actor.tenant_id, server=server, name=name, url=remote.url, redmine_project=redmine_project,
            redmine_identifier=there["identifier"], strict=strict, drafted_by_name=actor.name, drafted_at=now, look_asked_at=now,
        )  # fmt: skip
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise Refused("repository_exists", name=name) from error
        if remote.has_key:
            make_deploy_key(row, now=now)
        secret = make_hook_secret(row, now=now)
        record("repository.drafted", actor=actor, subject=subject_of(row), now=now, detail={"url": row.url})
    return row, secret


def drop_draft(repository_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Give a draft up; its keys are destroyed. Raises NotPermitted, NotFound."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = repository(repository_id, RepositoryState.DRAFT)
        row.secrets.all().delete()
        row.state = RepositoryState.LEFT
        row.save(update_fields=["state"])
        record("repository.dropped", actor=actor, subject=subject_of(row), now=now)


def ask_look(repository_id: UUID, *, actor: Actor, now: datetime) -> Repository:
    """Have it looked at once more: keys, host, Redmine. Raises NotPermitted, NotFound."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = repository(repository_id, *SERVED)
        row.look_asked_at = now
        row.save(update_fields=["look_asked_at"])
    return row


def change_service_key(repository_id: UUID, key: str, *, actor: Actor, now: datetime) -> Repository:
    """Keep another key of Redmine's web service for repositories and have it tried with this one: both, or neither.

    Raises NotPermitted, NotFound, Refused (bad_service_key, no_seal_key).
    """
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = ask_look(repository_id, actor=actor, now=now)
        server = (
            RedmineServer.objects.filter(id=row.server_id, state=ServerState.ACTIVE)
            .select_for_update()
            .first()
        )
        if server is None:
            raise NotFound(type="redmine")
        keep_service_key(server, key, actor=actor, now=now)
    return row


def ask_fetch(repository_id: UUID, *, actor: Actor, now: datetime, backfill: bool = False) -> Repository:
    """Have it fetched now, or older commits linked. Raises NotPermitted, NotFound."""
    actor.require(Permission.TICKET_EDIT if backfill else Permission.TICKET_DECIDE, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = repository(repository_id, RepositoryState.ACTIVE)
        cause = Cause.BACKFILL if backfill else Cause.PERSON
        ask(row, cause, now=now, name=actor.name, backfill=backfill)
        kind = "repository.backfill_asked" if backfill else "repository.fetch_asked"
        record(kind, actor=actor, subject=subject_of(row), now=now)
    return row


def enter_register(repository_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that this draft is served; another person confirms it. Raises NotPermitted, NotFound, Refused
    (repository_not_ready)."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = repository(repository_id, RepositoryState.DRAFT)
        if not is_enough(row.report.get("checks", [])):
            raise Refused("repository_not_ready")
        return entry.enter(REGISTER, _target(row), _parameters(row), actor=actor, now=now, reason=reason)


def enter_repin(repository_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that the host key which the last look saw is believed from now on. Raises NotPermitted, NotFound, Refused
    (nothing_changed)."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = repository(repository_id, RepositoryState.ACTIVE)
        if row.report.get("host_key", "") in ("", row.host_key):
            raise Refused("nothing_changed")
        return entry.enter(REPIN, _target(row), _parameters(row), actor=actor, now=now, reason=reason)


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": REGISTER, "call": "", **parameters}


def shown_repin(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": REPIN, "call": "", **parameters}


def apply_register(operation: Operation, now: datetime) -> dict[str, Any]:
    """The draft becomes active and is fetched for the first time. Raises StaleContent when it was changed since."""
    row = _as_shown(operation, RepositoryState.DRAFT)
    row.state, row.confirmed_by_name, row.confirmed_at = (
        RepositoryState.ACTIVE,
        operation.confirmed_by_name,
        now,
    )
    row.save()
    ask(row, Cause.START, now=now, name=operation.confirmed_by_name)
    return {"url": row.url}


def apply_repin(operation: Operation, now: datetime) -> dict[str, Any]:
    """The new host key is believed. Raises StaleContent when yet another one was seen since."""
    row = _as_shown(operation, RepositoryState.ACTIVE)
    row.save()
    ask(row, Cause.PERSON, now=now, name=operation.confirmed_by_name)
    return {"url": row.url}


def _as_shown(operation: Operation, state: RepositoryState) -> Repository:
    row: Repository | None = (
        Repository.objects.filter(id=operation.target_id, state=state).select_related("server").select_for_update(of=("self",)).first()
    )  # fmt: skip
    if row is None or _parameters(row) != operation.parameters:
        raise StaleContent("repository_changed")
    row.host_key, row.operation = row.report.get("host_key", ""), str(operation.id)
    return row


def _parameters(row: Repository) -> dict[str, Any]:
    line = row.report.get("host_key", "")
    return {
        "url": row.url, "name": row.name, "redmine": row.server.url, "redmine_identifier": row.redmine_identifier,
        "strict": row.strict, "host_key": line, "fingerprint": fingerprint_of(line), "mirror": mirror_in_redmine(row),
    }  # fmt: skip


def _target(row: Repository) -> OperationTarget:
    return OperationTarget("repository", str(row.id), row.name)


def repository(repository_id: UUID, *states: RepositoryState) -> Repository:
    """The row, held. Raises NotFound."""
    row: Repository | None = (
        Repository.objects.filter(id=repository_id, state__in=states)
        .select_related("server").select_for_update(of=("self",)).first()
    )  # fmt: skip
    if row is None:
        raise NotFound(type="repository")
    return row


def subject_of(row: Repository) -> Subject:
    return Subject("repository", str(row.id), row.name)
