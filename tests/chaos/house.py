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
from config.processes import Supervisor
from tests.chaos.herd import SHORT
from tests.chaos.places import ROOT, url, wait_until

ROLES = {"DATABASE_SCHEDULER_URL": "scheduler", "DATABASE_WORKER_URL": "worker"}
READY_S = 120.0


class House:
    """The servers of one data folder, and the processes of one run. The AWS simulator is the suite's."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        self.servers = Servers(folder)
        self.processes = Supervisor(logs=folder.logs, cwd=ROOT)

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

    def run(self, shift: timedelta, **more: str) -> None:
        """Start a worker for decisions, one for AWS and two beats, and wait until they work."""
        self.env = {
            **SHORT,
            "TOBAN_CLOCK_OFFSET": f"{shift.total_seconds():.3f}",
            "REDIS_URL": self.redis_url,
            **more,
        }
        before = {name: self.said(name).count(" ready") for name in ("control", "aws")}
        self.start("control", worker("control", concurrency=2))
        self.start("aws", worker("aws", concurrency=4))
        for name in ("beat", "beat-2"):
            self.start(name, beat(schedule=self.folder.path / f"{name}-schedule"))

        def ready() -> bool:
            return all(self.said(name).count(" ready") > count for name, count in before.items())

        wait_until("the workers are ready", ready, within=READY_S)

    def start(self, name: str, program: Program) -> None:
        env = {**os.environ, **self.env, "DATABASE_URL": url(ROLES[program.role]), "PYTHONUNBUFFERED": "1"}
        self.processes.start(name, program.command, env=env)

    def said(self, name: str) -> str:
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
