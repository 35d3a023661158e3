"""The processes that make up a running Toban, and in which order they end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Who asks for work ends before those who do it.
STOP_ORDER: Sequence[Sequence[str]] = (
    ("beat", "web"),
    ("control", "inventory", "tickets", "commits", "channels", "aws"),
    ("sealer",),
)
WORKERS = ("control", "aws", "inventory", "tickets", "commits", "channels")
EVERYTHING = ("web", *WORKERS, "beat", "sealer")


@dataclass(frozen=True, slots=True)
class Program:
    """One process: its command, and the variable whose database role it connects as."""

    name: str
    command: Sequence[str | Path]
    role: str


def web(*, bind: str, workers: int = 1, threads: int = 8) -> Program:
    """The web server."""
    command = [
        sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", bind, "--worker-class", "gthread",
        "--workers", str(workers), "--threads", str(threads), "--graceful-timeout", "8", "--timeout", "60",
        "--access-logfile", "/dev/null", "--no-control-socket",
    ]  # fmt: skip
    return Program("web", command, "DATABASE_URL")


def worker(name: str, *, concurrency: int) -> Program:
    """A Celery worker for the queue of its name. The aws and inventory workers talk to AWS, control makes decisions."""
    command = [
        *_celery("worker"), "--queues", name, "--pool", "threads", "--concurrency", str(concurrency),
        "--hostname", f"{name}@%h", "--without-gossip", "--without-mingle", "--loglevel", "INFO",
    ]  # fmt: skip
    return Program(name, command, "DATABASE_SCHEDULER_URL" if name == "control" else "DATABASE_WORKER_URL")


def beat(*, schedule: Path) -> Program:
    """The clock that wakes the control worker. A second one is harmless."""
    command: list[str | Path] = [*_celery("beat"), "--schedule", schedule, "--pidfile=", "--loglevel", "INFO"]
    return Program("beat", command, "DATABASE_SCHEDULER_URL")


def sealer() -> Program:
    """Seals the ledger each minute; asks nothing of the broker. A second one is harmless."""
    return Program("sealer", [sys.executable, "manage.py", "audit_seal"], "DATABASE_AUDIT_URL")


def programs(*, bind: str, state: Path, web_workers: int = 1) -> dict[str, Program]:
    """Every process by name."""
    every = [
        web(bind=bind, workers=web_workers),
        worker("control", concurrency=2),
        worker("aws", concurrency=8),
        worker("inventory", concurrency=4),
        worker("tickets", concurrency=4),
        worker("commits", concurrency=4),
        worker("channels", concurrency=6),
        beat(schedule=state / "beat-schedule"),
        sealer(),
    ]
    return {program.name: program for program in every}


def _celery(what: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--app", "config.celery", what]
