"""A nursery of worker processes, and herds of them that may be treated badly."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from config.processes import end_with_parent, is_running
from tests.chaos.places import ROOT, url

#: Short, so that a dead worker's lanes come free soon; the call budget stays below two thirds of the lease.
SHORT = {
    "LEASE_S": 8.0,
    "AWS_CONNECT_TIMEOUT_S": 2.0,
    "AWS_READ_TIMEOUT_S": 5.0,
    "SETTLE_AFTER_S": 1.0,
    "BREAKER_OPEN_S": 2.0,
}


class Nursery:
    """A process that forks workers on this process's database. It and all of them end with the context."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __enter__(self) -> Nursery:
        env = {**os.environ, "DATABASE_URL": url("worker")}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.worker"], cwd=ROOT, env=env, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=out, preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate()

    def born(self, duty: str, settings: dict[str, float]) -> int:
        """Fork a worker with these settings; gives its pid."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"duty": duty, "settings": settings}).encode() + b"\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


class Herd:
    """Workers of one nursery that live in one shifted time; `more` are settings other than SHORT."""

    def __init__(self, nursery: Nursery, shift: timedelta, **more: float) -> None:
        self.nursery = nursery
        self.settings = {**SHORT, **more, "TOBAN_CLOCK_OFFSET": shift.total_seconds()}
        self.drainers: list[int] = []
        self.tickers: list[int] = []
        self.silent_until = nursery.log.stat().st_size

    def drain(self, count: int = 1) -> list[int]:
        """Start so many workers."""
        born = [self.nursery.born("drain", self.settings) for _ in range(count)]
        self.drainers += born
        return born

    def tick(self, count: int = 1) -> list[int]:
        """Start so many tick processes."""
        born = [self.nursery.born("tick", self.settings) for _ in range(count)]
        self.tickers += born
        return born

    def kill(self, pid: int | None = None) -> int:
        """SIGKILL a worker, one of chance unless named."""
        pid = pid if pid is not None else random.choice(self.drainers)
        self.drainers.remove(pid)
        os.kill(pid, signal.SIGKILL)
        return pid

    @staticmethod
    def freeze(pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)

    @staticmethod
    def thaw(pid: int) -> None:
        os.kill(pid, signal.SIGCONT)

    def said(self) -> str:
        """Everything that the nursery's workers logged since this herd began."""
        with self.nursery.log.open("rb") as log:
            log.seek(self.silent_until)
            return log.read().decode(errors="replace")

    def alive(self) -> int:
        return sum(is_running(pid) for pid in self.drainers)

    def end(self) -> None:
        """SIGKILL them all, frozen ones too."""
        for pid in (*self.drainers, *self.tickers):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
