"""A worker's look at a repository before it is registered, and again when something is wrong: host, key, Redmine, mirror."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from medical_audit import sealing
from medical_audit.operations.lanes import lease_lane, release_lane
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.checks import Check, Found
from redmine_sync.domain.git_problems import GitError
from redmine_sync.domain.keys import fingerprint_of
from redmine_sync.domain.problems import RedmineError
from redmine_sync.domain.remotes import GITHUB, GITHUB_FINGERPRINT, Remote, read_remote
from redmine_sync.git import Access, host_key_of, remote_heads
from redmine_sync.models import RedmineServer, Repository, RepositoryState, ServerState
from redmine_sync.queries.repositories import access_of, commits_of, mirror_in_redmine
from redmine_sync.redmine import Commits

#: The lane of looks.
LOOKING = "look/repositories"
Open = Callable[[RedmineServer], Commits]
SERVED = (RepositoryState.DRAFT, RepositoryState.ACTIVE)


def look_if_asked(
    tenant_id: UUID,
    repository_id: UUID,
    *,
    worker: str,
    clock: Callable[[], datetime],
    open_commits: Open = commits_of,
) -> bool:
    """Look at the repository if somebody asked since the last look, outside of any transaction, and keep what was found.
    Never raises for what git or Redmine does. One worker at a time looks for a tenant, because an address that nobody has
    confirmed yet may keep everybody who asks it waiting."""
    with tenant_scope(tenant_id):
        row = Repository.objects.filter(id=repository_id, state__in=SERVED).select_related("server").first()
        if row is None or row.look_asked_at is None or (row.looked_at and row.looked_at >= row.look_asked_at):
            return False
        connected, access, commits = row.server.state == ServerState.ACTIVE, None, None
        if connected:
            try:
                access, commits = access_of(row), open_commits(row.server)
            except sealing.Unsealable:
                access = commits = None
    lease = lease_lane(tenant_id, LOOKING, worker=worker, clock=clock)
    if lease is None:
        return False
    try:
        if connected:
            report = _look(row, access, commits)
        else:
            report = {"checks": [Check("redmine_not_connected", Found.WRONG).as_json()]}
    finally:
        release_lane(lease)
    with tenant_scope(tenant_id):
        Repository.objects.filter(id=row.id, look_asked_at=row.look_asked_at).update(
            report=report, looked_at=clock()
        )
    return True


def _look(row: Repository, access: Access | None, commits: Commits | None) -> dict[str, Any]:
    if access is None or commits is None:
        return {"checks": [Check("key_unsealable", Found.WRONG).as_json()]}
    remote = read_remote(row.url, local=settings.LOCAL)
    line, checks = _host(row, remote)
    if line or not remote.has_key:
        # A draft believes the key that was just seen: the people who confirm it are shown its fingerprint.
        seen = dataclasses.replace(access, host_key=row.host_key or line)
        checks += _branches(seen)
    checks += [*_redmine(row, commits), _mirror(Path(settings.MIRRORS))]
    return {"checks": [one.as_json() for one in checks], "host_key": line}


def _host(row: Repository, remote: Remote) -> tuple[str, list[Check]]:
    if not remote.has_key:
        return "", []
    try:
        line = host_key_of(remote.host, remote.port)
    except GitError as error:
        return "", [_wrong(error)]
    fingerprint = fingerprint_of(line)
    if row.host_key and fingerprint_of(row.host_key) != fingerprint:
        params = {"fingerprint": fingerprint, "before": fingerprint_of(row.host_key)}
        return line, [Check("host_key_differs", Found.WRONG, params)]
    if remote.host == GITHUB:
        known = fingerprint == GITHUB_FINGERPRINT
        return line, [
            Check("host_key_github" if known else "host_key_not_github", Found.OK if known else Found.WRONG, {"fingerprint": fingerprint})
        ]  # fmt: skip
    return line, [Check("host_key_seen", Found.WARNING, {"fingerprint": fingerprint, "host": remote.host})]


def _branches(access: Access) -> list[Check]:
    try:
        return [Check("branches_seen", Found.OK, {"n": len(remote_heads(access))})]
    except GitError as error:
        return [_wrong(error)]


def _redmine(row: Repository, commits: Commits) -> list[Check]:
    try:
        mine = [one for one in commits.served() if one.id == row.redmine_project]
    except RedmineError as error:
        return [Check(error.code, Found.WRONG, {"detail": error.detail})]
    if not mine:
        return [Check("redmine_no_repositories", Found.WRONG, {"project": row.redmine_identifier})]
    checks = [Check("service_key_accepted", Found.OK)]
    ours = mirror_in_redmine(row)
    if mine[0].repository_id is not None and mine[0].path != ours:
        params = {"project": row.redmine_identifier, "path": mine[0].path}
        checks.append(Check("redmine_has_another", Found.WARNING, params))
    return checks


def _mirror(folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Check("mirror_unwritable", Found.WRONG, {"detail": str(error)})
    if not os.access(folder, os.W_OK | os.X_OK):
        return Check("mirror_unwritable", Found.WRONG, {"detail": str(folder)})
    return Check("mirror_place_ready", Found.OK, {"folder": str(folder)})


def _wrong(error: GitError) -> Check:
    return Check(error.code, Found.WRONG, {"detail": error.detail})
