"""PostgreSQL and Valkey of a test's own, which may be killed, and real Celery processes on them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import redis
from django.db import connection

from config.console.programs import Program, beat, worker
from config.datafolder import DataFolder
from config.embedded import Servers
from config.processes import Supervisor, is_running
from tests.chaos.places import ROOT, shift_to, url, wait_until
from tests.factories import MONDAY_0830

ROLES = {"DATABASE_SCHEDULER_URL": "scheduler", "DATABASE_WORKER_URL": "worker"}
READY_S = 120.0
SHORT = {
    "TOBAN_LEASE_S": "5",
    "AWS_READ_TIMEOUT_S": "5",
    "TOBAN_SETTLE_AFTER_S": "1",
    "TOBAN_BREAKER_OPEN_S": "2",
}


class House:
    """The servers of one data folder, and a worker for decisions, one for AWS and two beats, at 08:31 of a Monday.

    The AWS simulator is the suite's.
    """

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        self.servers = Servers(folder)
        self.processes = Supervisor(logs=folder.logs, cwd=ROOT)
        self.shift = shift_to(MONDAY_0830 + timedelta(minutes=1))
        self.programs = {
            "control": worker("control", concurrency=2),
            "aws": worker("aws", concurrency=4),
            "beat": beat(schedule=folder.path / "beat-schedule"),
            "beat-2": beat(schedule=folder.path / "beat-2-schedule"),
        }

    def up(self) -> None:
        """Start the servers that do not run."""
        with self.folder.locked():
            self.servers.start(background=False)
            self.servers.wait(background=False)

    def make(self) -> None:
        """Make the database."""
        self.up()
        self.servers.make_roles()
        with self.inside():
            env = {**os.environ, "DATABASE_URL": url("owner")}
            subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)
        self.servers.allow_any_clock()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Make this house's database that of the test."""
        settings = connection.settings_dict
        before = settings["NAME"], settings["OPTIONS"]["host"], settings["USER"]
        connection.close()
        settings["NAME"], settings["OPTIONS"]["host"], settings["USER"] = (
            "toban",
            str(self.folder.run),
            "toban_web",
        )
        try:
            yield
        finally:
            connection.close()
            settings["NAME"], settings["OPTIONS"]["host"], settings["USER"] = before

    @property
    def redis_url(self) -> str:
        return f"unix://{self.servers.valkey_socket}?db=0"

    def run(self) -> None:
        """Start the processes that do not run, and wait until their workers work."""
        for name, program in self.programs.items():
            child = self.processes.children.get(name)
            if child is None or not is_running(child.pid):
                self._start(name, program)

    def _start(self, name: str, program: Program) -> None:
        ready = self._said(name).count(" ready")
        env = {**os.environ, **SHORT, "TOBAN_CLOCK_OFFSET": f"{self.shift.total_seconds():.3f}", "REDIS_URL": self.redis_url,
               "DATABASE_URL": url(ROLES[program.role]), "PYTHONUNBUFFERED": "1"}  # fmt: skip
        self.processes.start(name, program.command, env=env)
        if not name.startswith("beat"):
            wait_until(f"{name} is ready", lambda: self._said(name).count(" ready") > ready, within=READY_S)

    def _said(self, name: str) -> str:
        log = self.processes.log(name)
        return log.read_text(errors="replace") if log and log.exists() else ""

    def pid(self, name: str) -> int:
        return self.processes.children[name].pid

    def flush(self) -> None:
        """Lose every message."""
        with redis.Redis.from_url(self.redis_url) as broker:
            broker.flushall()

    def close(self) -> None:
        """End everything at once."""
        self.processes.kill()
        self.servers.kill({"postgres", "valkey"})
        self.folder.remove_run_folder()
