"""A nursery of worker processes, and ways to treat them badly."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from config.processes import end_with_parent, is_running
from tests.chaos.places import ROOT

#: Short, so that a dead worker's lanes come free soon; the call budget stays below two thirds of the lease.
SHORT = {
    "TOBAN_LEASE_S": "8",
    "AWS_CONNECT_TIMEOUT_S": "2",
    "AWS_READ_TIMEOUT_S": "5",
    "TOBAN_SETTLE_AFTER_S": "1",
    "TOBAN_BREAKER_OPEN_S": "2",
}


class Herd:
    """Worker processes of one database, by pid. Leaving the context ends them all."""

    def __init__(self, env: Mapping[str, str], log: Path, **more: str) -> None:
        self.env, self.log = {**env, **SHORT, **more}, log
        self.drainers: list[int] = []
        self.tickers: list[int] = []

    def __enter__(self) -> Herd:
        with self.log.open("ab") as out:
            self.nursery = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.worker"], cwd=ROOT, env=self.env, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=out, preexec_fn=end_with_parent(signal.SIGKILL),  # noqa: PLW1509
            )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.nursery.communicate()

    def drain(self, count: int = 1) -> list[int]:
        """Start so many workers."""
        born = [self._born("drain") for _ in range(count)]
        self.drainers += born
        return born

    def tick(self, count: int = 1) -> list[int]:
        """Start so many tick processes."""
        born = [self._born("tick") for _ in range(count)]
        self.tickers += born
        return born

    def _born(self, what: str) -> int:
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(f"{what}\n".encode())
        self.nursery.stdin.flush()
        return int(self.nursery.stdout.readline())

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
        """Everything that the workers logged so far."""
        return self.log.read_text(errors="replace")

    def alive(self) -> int:
        return sum(is_running(pid) for pid in self.drainers)
