"""Where things are: this process's database and role, the environment of child processes, the shifted clock."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def role(name: str) -> Iterator[None]:
    """Connect as this database role for a while."""
    before = connection.settings_dict["USER"]
    connection.close()
    connection.settings_dict["USER"] = f"toban_{name}"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["USER"] = before


def url(name: str) -> str:
    """This process's database as a URL for another role."""
    settings = connection.settings_dict
    return f"postgres://toban_{name}@/{settings['NAME']}?host={settings['OPTIONS']['host']}"


def child_env(shift: timedelta, **more: str) -> dict[str, str]:
    """Environment of a process that works on this process's database, its clock shifted."""
    return {
        **os.environ,
        "DATABASE_URL": url("worker"),
        "TOBAN_CLOCK_OFFSET": f"{shift.total_seconds():.3f}",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def shift_to(moment: datetime) -> timedelta:
    """The shift that makes it this moment now."""
    return moment - datetime.now(UTC)


def wait_until(what: str, done: Callable[[], bool], *, within: float, every: float = 0.1) -> None:
    """Ask again and again; fails with `what` when it does not come true in time."""
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(every)
