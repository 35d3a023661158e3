"""Leaving a repository: a confirmed operation stops it at once, then a checklist is worked off, each step in the ledger."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from medical_audit.domain.actor import Actor, system_actor
from medical_audit.domain.errors import Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.git_problems import GitError
from redmine_sync.domain.removal import BY_HAND, STEPS, Step
from redmine_sync.git import Mirror
from redmine_sync.models import Repository, RepositoryState, RunState, SyncRun
from redmine_sync.operations.registering import repository, subject_of
from redmine_sync.queries.repositories import mirror_folder, mirror_in_redmine

LEAVE = "repository.leave"


def enter_leave(repository_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that it is served no longer; another person confirms it. Raises NotPermitted, NotFound."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = repository(repository_id, RepositoryState.ACTIVE)
        target = OperationTarget("repository", str(row.id), row.name)
        parameters = {
            "url": row.url, "name": row.name, "redmine": row.server.url, "redmine_identifier": row.redmine_identifier,
            "mirror": mirror_in_redmine(row),
        }  # fmt: skip
        return entry.enter(LEAVE, target, parameters, actor=actor, now=now, reason=reason)


def shown_leave(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": LEAVE, "call": "", "steps": [str(step) for step in STEPS], **parameters}


def apply_leave(operation: Operation, now: datetime) -> dict[str, Any]:
    """It is neither polled nor fetched any more, deliveries are not taken, its keys are destroyed; the rest is worked off.

    Raises StaleContent when somebody was first.
    """
    row: Repository | None = (
        Repository.objects.filter(id=operation.target_id, state=RepositoryState.ACTIVE)
        .select_for_update()
        .first()
    )
    if row is None:
        raise StaleContent("already_moved")
    row.secrets.all().delete()
    SyncRun.objects.filter(repository=row, state=RunState.WAITING).update(
        state=RunState.FAILED, code="repository_left", ended_at=now
    )
    row.state, row.operation = RepositoryState.LEAVING, str(operation.id)
    row.removal = {str(Step.STOPPED): {"by": operation.confirmed_by_name, "at": now.isoformat()}}
    row.save()
    return {"url": row.url}


def tick(repository_id: UUID, step: str, *, actor: Actor, now: datetime) -> Repository:
    """Say that a step outside Toban is done, or have the mirror removed by a worker. The last one ends it.

    Raises NotPermitted, NotFound, Refused (bad_parameter).
    """
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    if step not in BY_HAND and step != Step.MIRROR:
        raise Refused("bad_parameter", name="step", allowed=", ".join(sorted(BY_HAND)))
    with tenant_scope(actor.tenant_id):
        row = repository(repository_id, RepositoryState.LEAVING)
        kept = "mirror_asked" if step == Step.MIRROR else step
        if kept not in row.removal:
            _note(row, kept, actor, now)
    return row


def remove_mirror_if_asked(tenant_id: UUID, repository_id: UUID, *, clock: Callable[[], datetime]) -> bool:
    """Remove the folder when a person asked for it; gives whether it was. A git that still runs there is waited for."""
    with tenant_scope(tenant_id):
        row = Repository.objects.filter(id=repository_id, state=RepositoryState.LEAVING).first()
        if row is None or "mirror_asked" not in row.removal or str(Step.MIRROR) in row.removal:
            return False
    try:
        _remove(mirror_folder(row))
    except (GitError, OSError) as error:
        code = error.code if isinstance(error, GitError) else "mirror_unwritable"
        with tenant_scope(tenant_id):
            Repository.objects.filter(id=repository_id).update(problem=code, problem_detail=str(error)[:300])
        return False
    with tenant_scope(tenant_id):
        row = repository(repository_id, RepositoryState.LEAVING)
        _note(row, str(Step.MIRROR), system_actor(tenant_id, "commits"), clock())
    return True


def _remove(folder: Path) -> None:
    if folder.exists():
        with Mirror(folder).alone():
            shutil.rmtree(folder)
        folder.with_suffix(".lock").unlink(missing_ok=True)


def end_when_done(repository_id: UUID, *, actor: Actor, now: datetime) -> Repository:
    """End the checklist; what was delivered and done stays readable. Raises NotPermitted, NotFound, Refused
    (removal_not_done)."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = repository(repository_id, RepositoryState.LEAVING)
        if any(str(step) not in row.removal for step in STEPS):
            raise Refused("removal_not_done")
        row.state = RepositoryState.LEFT
        row.save(update_fields=["state"])
        record("repository.left", actor=actor, subject=subject_of(row), now=now)
    return row


def _note(row: Repository, step: str, actor: Actor, now: datetime) -> None:
    row.removal = {**row.removal, step: {"by": actor.name, "at": now.isoformat()}}
    row.save(update_fields=["removal"])
    record("repository.step_done", actor=actor, subject=subject_of(row), now=now, detail={"step": step})
