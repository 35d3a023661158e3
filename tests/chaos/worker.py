"""Worker processes that may be killed: a nursery with Django loaded forks them, so that a birth costs no start-up.

    python -m tests.chaos.worker

reads one JSON object a line, {"duty": "drain" | "tick" | "tickets", "settings": {...}}, and answers with the new pid: `drain`
(role toban_worker) serves due lanes over and over, `tick` (role toban_scheduler) enters what is due, `tickets` (role
toban_worker) visits every Redmine. Children die with the nursery, and the nursery with the end of its input.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable

import django
from django.conf import settings
from django.db import DatabaseError, connection

from config.processes import end_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from infra.operations import tick as ticking  # noqa: E402  models need a Django that is set up
from infra.queries import queue as due  # noqa: E402
from medical_audit import clock  # noqa: E402
from medical_audit.operations.execution import drain_lane  # noqa: E402
from medical_audit.queries import queue  # noqa: E402
from redmine_sync.operations.sending import serve  # noqa: E402
from redmine_sync.queries.servers import connected_tenants  # noqa: E402

REST_S = 0.1


def drain() -> int:
    """Serve every lane with work due once, in an order of chance as messages would come."""
    lanes = queue.due_lanes(clock.now(), limit=100)
    random.shuffle(lanes)
    name = f"chaos:{os.getpid()}"
    return sum(drain_lane(tenant, lane, worker=name, clock=clock.now) for tenant, lane in lanes)


def tick() -> int:
    """Enter what is due in every tenant."""
    now = clock.now()
    return sum(len(ticking.tick(tenant, now=now).entered) for tenant in due.due_tenants(now))


def tickets() -> int:
    """Visit every connected Redmine once."""
    name = f"chaos:{os.getpid()}"
    visits = [serve(tenant, server, worker=name, clock=clock.now) for tenant, server in connected_tenants()]
    return sum(done.sent for done in visits)


DUTIES: dict[str, tuple[str, Callable[[], int]]] = {
    "drain": ("worker", drain),
    "tick": ("scheduler", tick),
    "tickets": ("worker", tickets),
}


def live(command: str) -> None:
    """A child's whole life; only a signal ends it."""
    order = json.loads(command)
    for name, value in order["settings"].items():
        setattr(settings, name, value)
    role, duty = DUTIES[order["duty"]]
    connection.settings_dict["USER"] = f"toban_{role}"
    while True:
        try:
            busy = duty()
        except DatabaseError as error:
            print(f"{os.getpid()}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            connection.close()
            busy = 0
        if not busy:
            time.sleep(REST_S)


def main() -> None:
    """Fork a child for each command until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        arm = end_with_parent(signal.SIGKILL)
        pid = os.fork()
        if pid == 0:
            arm()
            os.dup2(2, 1)
            live(line)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
