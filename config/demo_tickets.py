"""The demo's Redmine and its repository: connected as anybody would, to the simulated Redmine and to a git repository on this
machine, so that what goes wrong this morning is to be seen as tickets, and commits at them."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from django.conf import settings

from config.simulator.redmine import KEY
from config.simulator.redmine_commits import SERVICE_KEY
from config.simulator.redmine_site import PREFIX
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.checks import is_enough
from redmine_sync.domain.topics import CHOSEN
from redmine_sync.models import RedmineServer, Repository, ServerState, Ticket
from redmine_sync.operations import connecting, receiving, registering, ruling

if TYPE_CHECKING:
    from config.demo_story import Stage

NAME = "acme/portal"
_PERSON = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "開発 三郎", "GIT_AUTHOR_EMAIL": "dev@example.net",
    "GIT_COMMITTER_NAME": "開発 三郎", "GIT_COMMITTER_EMAIL": "dev@example.net",
}  # fmt: skip
log = structlog.get_logger(__name__)
Wait = Callable[["Stage", Callable[[], bool]], bool]


def connect(stage: Stage, now: datetime, wait: Wait) -> None:
    """Connect the simulated Redmine and make everything that goes wrong a ticket there; once."""
    with tenant_scope(stage.tenant.id):
        if RedmineServer.objects.exists():
            return
        url = f"{settings.AWS_ENDPOINT_URL}{PREFIX}"
        drafted = connecting.save_draft(url, KEY, "ja", actor=stage.actor("kanri"), now=now)
    if not wait(stage, lambda: is_enough(RedmineServer.objects.get(id=drafted.id).report.get("checks", []))):
        return
    with tenant_scope(stage.tenant.id):
        entered = connecting.enter_connect(
            drafted.id, open_status=1, closed_status=5, snooze_days=7, actor=stage.actor("kanri"), now=now,
            reason="デモの開始: 障害をチケットで追う",
        )  # fmt: skip
        stage.confirm(entered, "kakutei", now)
        topics = {one.code: "digest" if one.digest else "each" for one in CHOSEN}
        ruled = ruling.enter_rule(
            project="", redmine_project=1, tracker=1, failures=True, approvals=True, approval_wait_min=30, topics=topics,
            actor=stage.actor("kanri"), now=now, reason="すべてのプロジェクトの障害をチケットにする",
        )  # fmt: skip
        stage.confirm(ruled, "kakutei", now)


def commit(stage: Stage, now: datetime, wait: Wait) -> None:
    """Register a repository, and push a commit that speaks of the first ticket; once, and only where there is git."""
    if shutil.which("git") is None:
        log.info("scene_left_out", scene="commits", code="no_git")
        return
    with tenant_scope(stage.tenant.id):
        if Repository.objects.exists() or not RedmineServer.objects.filter(state=ServerState.ACTIVE).exists():
            return
    if not wait(stage, lambda: Ticket.objects.filter(issue__isnull=False).exists()):
        return
    with tenant_scope(stage.tenant.id):
        issue = (
            Ticket.objects.filter(issue__isnull=False).order_by("issue").values_list("issue", flat=True)[0]
        )
        origin = Path(settings.MIRRORS).with_name("git") / f"{NAME}.git"
        _make(origin, f"refs #{issue} 起動処理のタイムアウトを延長")
        drafted, secret = registering.save_draft(
            f"file://{origin}", NAME, 1, SERVICE_KEY, strict=False, actor=stage.actor("kanri"), now=now
        )
    if not wait(stage, lambda: is_enough(Repository.objects.get(id=drafted.id).report.get("checks", []))):
        return
    with tenant_scope(stage.tenant.id):
        entered = registering.enter_register(
            drafted.id, actor=stage.actor("kanri"), now=now, reason="デモの開始: コミットをチケットで追う"
        )
        stage.confirm(entered, "kakutei", now)
    if wait(stage, lambda: Repository.objects.filter(id=drafted.id, synced_at__isnull=False).exists()):
        before, after = _push(origin, f"再試行の間隔を記録に残す #{issue}")
        _tell(before, after, secret, now)


def _tell(before: str, after: str, secret: str, now: datetime) -> None:
    """What GitHub would send after that push."""
    body = json.dumps(
        {"ref": "refs/heads/main", "before": before, "after": after, "repository": {"full_name": NAME}}
    ).encode()
    receiving.receive(
        "portal-demo", body, signature="sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        guid=str(uuid.uuid4()), event="push", content_type="application/json", now=now,
    )  # fmt: skip


def _make(origin: Path, message: str) -> None:
    shutil.rmtree(origin, ignore_errors=True)
    origin.parent.mkdir(parents=True, exist_ok=True)
    _git(origin.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    _push(origin, message)


def _push(origin: Path, message: str) -> tuple[str, str]:
    """One empty commit on main of a bare repository; gives the commits before and after."""
    before = _git(origin, "for-each-ref", "--format=%(objectname)", "refs/heads/main")
    tree = _git(origin, "hash-object", "-t", "tree", "-w", os.devnull)
    parent = ("-p", before) if before else ()
    after = _git(origin, "commit-tree", tree, *parent, "-m", message)
    _git(origin, "update-ref", "refs/heads/main", after)
    return before or "0" * 40, after


def _git(where: Path, *command: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(where), *command],
        env={**os.environ, **_PERSON},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
