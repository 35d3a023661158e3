"""From GitHub's push to the ticket with the real Redmine: what it links, what it passes over silently, and how that is mended."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
from redminelib import Redmine

from accounts.domain.permissions import Role
from redmine_sync.models import RunState
from redmine_sync.operations import registering
from redmine_sync.redmine import Engine
from tests.factories import Cast
from tests.redmine.conftest import REAL
from tests.redmine.origin import Origin, git
from tests.redmine.shop import Place, Shop
from tests.redmine.yard import Yard

pytestmark = pytest.mark.skipif(not os.environ.get(REAL), reason="asked for with ./toban test --redmine")


class Real(Yard):
    """A yard before the real thing; `admin` is what its administrator sees."""

    admin: Redmine
    database: str

    def issue(self) -> int:
        made = self.admin.issue.create(
            project_id=self.project, tracker_id=self.shop.place.tracker, subject="件名"
        )
        return int(made.id)

    def stands_at(self, issue: int) -> set[str]:
        found = self.admin.issue.get(issue, include=["changesets"])
        return {one["revision"] for one in found.changesets}

    def keywords(self, value: str) -> None:
        """As an administrator sets them; Redmine looks at when its settings last changed."""
        with sqlite3.connect(self.database, timeout=20) as there:
            there.execute("DELETE FROM settings WHERE name = 'commit_ref_keywords'")
            there.execute(
                "INSERT INTO settings (name, value, updated_on) VALUES ('commit_ref_keywords', ?, datetime('now', '+1 second'))",
                [value],
            )
        there.close()
        self.admin.project.get(self.project)  # its service alone would go on with the settings it has read


@pytest.fixture
def real(cast: Cast, tmp_path: Path, settings: Any) -> Real:
    info = json.loads(os.environ[REAL])
    admin = Redmine(info["url"], key=info["key"], engine=Engine)
    name = f"git-{uuid.uuid4().hex[:8]}"
    project = admin.project.create(
        name=name, identifier=name, enabled_module_names=["issue_tracking", "repository"]
    )
    settings.MIRRORS = settings.MIRRORS_IN_REDMINE = str(tmp_path / "mirrors")
    shop = Shop(
        cast,
        Place(
            info["url"], info["key"], info["closed_status"], info["open_status"], project.id, info["tracker"]
        ),
    )
    shop.connect()
    origin = Origin(tmp_path)
    origin.push("first")
    yard = Real(shop, origin, None, project=name, service_key=info["service_key"])  # type: ignore[arg-type]
    yard.admin, yard.database = admin, info["database"]
    return yard


def test_a_signed_push_stands_at_its_ticket_and_a_forced_one_too(real: Real) -> None:
    """workflows §5, 17."""
    issue = real.issue()
    real.register()
    first = real.serve()
    assert first is not None
    assert (first.state, first.code) == (RunState.DONE, "")
    commit = real.origin.push(f"refs #{issue}")
    body = real.push_of(commit)
    assert real.deliver(body, secret="wrong") == "unknown"
    assert [real.deliver(body, guid="0" * 8) for _ in range(2)] == ["accepted", "duplicate"]
    run = real.serve()
    assert run is not None
    assert (run.state, run.linked, run.repaired) == (RunState.DONE, 1, 0)
    assert real.stands_at(issue) == {commit}
    amended = real.origin.amend(f"better. refs #{issue}")
    assert real.deliver(real.push_of(amended)) == "accepted"
    assert real.serve() is not None
    assert amended in real.stands_at(issue)
    assert len(real.runs()) == 3


def test_the_poll_alone_is_enough(real: Real) -> None:
    """workflows §5, 18."""
    issue = real.issue()
    real.register()
    real.serve()
    commit = real.origin.push(f"refs #{issue}")
    run = real.serve(minutes=5)
    assert run is not None
    assert (run.state, run.cause) == (RunState.DONE, "poll")
    assert real.stands_at(issue) == {commit}


def test_the_keyword_shows_in_what_is_linked_and_older_commits_follow(real: Real) -> None:
    """workflows §5, 19: `*` is not retroactive; a bare number before it is linked by us afterwards."""
    old_issue, issue = real.issue(), real.issue()
    real.keywords("refs,references,IssueID")
    real.register()
    real.serve()
    old = real.origin.push(f"an old one #{old_issue}, refs #{issue}")
    real.serve(minutes=6)
    assert (real.row().rule, real.stands_at(old_issue)) == ("words", set())
    real.keywords("*")
    real.origin.push(f"#{issue} is a new one")
    real.serve(minutes=6)
    assert real.row().rule == "any"
    registering.ask_fetch(
        real.row().id,
        actor=real.shop.actor(Role.ADMINISTRATOR),
        now=real.shop.clock.pass_(seconds=1),
        backfill=True,
    )
    run = real.serve()
    assert run is not None
    assert (run.backfill, run.state, run.repaired) == (True, RunState.DONE, 1)
    assert real.stands_at(old_issue) == {old}


def test_a_mirror_that_was_rebuilt_after_a_forced_push_is_read_all_the_same(real: Real) -> None:
    """Redmine says 200 and reads nothing where what it remembers is gone; so that is fetched again."""
    issue = real.issue()
    real.register()
    real.origin.push("two")
    real.serve()
    shutil.rmtree(real.mirror.folder)
    git(real.origin.bare, "config", "uploadpack.allowAnySHA1InWant", "true")  # as GitHub does
    commit = real.origin.amend(f"refs #{issue}")
    run = real.serve(minutes=6)
    assert run is not None
    assert (run.state, run.code) == (RunState.DONE, "")
    assert real.stands_at(issue) == {commit}


def test_what_redmine_remembers_and_nobody_has_is_said(real: Real) -> None:
    real.register()
    real.origin.push("two")
    real.serve()
    shutil.rmtree(real.mirror.folder)
    real.origin.amend("refs #1")
    git(real.origin.bare, "reflog", "expire", "--expire=now", "--all")
    git(real.origin.bare, "gc", "--quiet", "--prune=now")
    run = real.serve(minutes=6)
    assert run is not None
    assert (run.state, run.code) == (RunState.FAILED, "redmine_read_nothing")


def test_a_folder_that_redmine_cannot_read_is_found_out(real: Real, settings: Any) -> None:
    settings.MIRRORS_IN_REDMINE = "/nowhere"
    real.register()
    run = real.serve()
    assert run is not None
    assert (run.state, run.code) == (RunState.FAILED, "redmine_read_nothing")


def test_a_wrong_service_key_is_named(real: Real) -> None:
    real.service_key = "wrong"
    real.draft()
    assert real.look()["redmine_service_key_refused"] == "failed"
