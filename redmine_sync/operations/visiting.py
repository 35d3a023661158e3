"""A worker's time at one repository, in steps that people can read afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import LeaseLost
from medical_audit.operations.lanes import Lease
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.git_problems import GitError
from redmine_sync.domain.problems import RedmineError
from redmine_sync.models import Repository, SyncRun
from redmine_sync.redmine import Commits

Clock = Callable[[], datetime]


@dataclass(slots=True)
class Visit:
    """A worker's time at one repository. `run` is None while a poll has found nothing new."""

    row: Repository
    lease: Lease
    redmine: Commits
    actor: Actor
    clock: Clock
    run: SyncRun | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)

    def ours(self, for_s: float = 0.0) -> None:
        """Right before each call (of at most `for_s` seconds), and while a git runs. Raises LeaseLost."""
        if not self.lease.keep(for_s):
            raise LeaseLost(lane=self.lease.lane)

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """One step: when it began, how long it took, how it ended; what it gives beside is for words."""
        told: dict[str, Any] = {"step": name, "at": self.clock().isoformat(), "code": ""}
        began = time.monotonic()
        self.steps.append(told)
        try:
            yield told
        except (GitError, RedmineError) as error:
            told["code"], told["detail"] = error.code, error.detail
            raise
        finally:
            told["ms"] = round((time.monotonic() - began) * 1000)
            self.keep_steps()

    def keep_steps(self) -> None:
        if self.run is not None:
            with tenant_scope(self.row.tenant_id):
                SyncRun.objects.filter(id=self.run.id).update(steps=self.steps)
