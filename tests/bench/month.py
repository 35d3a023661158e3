"""How long does an auditor wait who signs a month of 200,000 events, from the first page to the bundle that is checked offline?

    ./toban bench month [--events 200000] [--shots FOLDER] [--tenants sakuragawa minato hokuto]

The demo's three tenants live the last whole month: 60 people by the ordinary operations, the rest the clock's events. Then the
portal's clock is set so that this month ended a moment ago, its processes start (web, control and inventory workers, beat,
sealer; no worker that would start servers), and in a real Chromium each tenant's auditor goes the whole way: what must I sign,
is it whole, what is unusual, the draw by a seal, the judgements, a measure, the signature of a second auditor, a verification,
an export, the bundle, and `bundle_verifier.py` on it in a bare Python. A page's time is from the click to its load event.
Reading and thinking are not in these figures. Exit code 1 unless every month is signed and every verdict is "intact".
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from playwright.sync_api import sync_playwright

from accounts.models import Tenant
from config.console.programs import programs
from config.demo import seed_portal, seed_simulator
from config.demo_month import ZONE, demo_tenants
from config.processes import Supervisor
from config.stack import ROOT, get_json
from medical_audit import clock
from medical_audit.models import AnomalyWatch
from medical_audit.queries.reviews import seal_after
from medical_audit.queries.verification import length_of
from medical_audit.tenancy import tenant_scope
from medical_audit.views.periods import midnight
from tests.bench._auditing import Walk
from tests.bench._measure import report, show
from tests.ui.browser import CHROMIUM, FLAGS

PROGRAMS = ("web", "control", "inventory", "beat", "sealer")
START_S, WATCH_S = 120.0, 600.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./toban bench month", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="over all three tenants")
    parser.add_argument("--shots", type=Path, help="a folder for a picture of each page")
    parser.add_argument("--tenants", nargs="+", help="slugs; else all three")
    options = parser.parse_args()
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in this thread
    call_command("collectstatic", "--noinput", verbosity=0)
    first = (clock.now().astimezone(ZONE).date().replace(day=1) - timedelta(days=1)).replace(day=1)
    seed_simulator(clock.now())
    seed_portal(_ticking(midnight(first)))
    tenants = [one for one in demo_tenants() if not options.tenants or one.slug in options.tenants]
    numbers: dict[str, Any] = {"month": f"{first:%Y-%m}", "written": _live(tenants, first, options.events)}
    _say(f"written: {numbers['written']['events']} events in {numbers['written']['seconds']} s")
    with _portal(_shift_to_the_end_of(first)) as (address, supervisor), sync_playwright() as playwright:
        numbers["watched_s"] = _wait_for_watch_and_seal(tenants, first, supervisor)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        walks = {
            tenant.slug: Walk(browser, address, tenant, numbers["month"], options.shots) for tenant in tenants
        }
        for walk in walks.values():
            walk.go()
            _say(f"{walk.tenant.slug}: {walk.facts}")
    steps = dict.fromkeys(name for walk in walks.values() for name in walk.seconds)
    show(
        f"{first:%Y-%m}, seconds",
        ["step", *walks],
        [[name, *(walk.seconds.get(name, "") for walk in walks.values())] for name in steps]
        + [["all of it", *(walk.total for walk in walks.values())]],
    )
    numbers["tenants"] = {
        slug: {"seconds": walk.seconds, "all": walk.total, **walk.facts} for slug, walk in walks.items()
    }
    report(numbers)
    return 0 if all(walk.is_whole for walk in walks.values()) else 1


def _ticking(begin: datetime) -> Callable[[], datetime]:
    """A clock for what is founded at the beginning of the month, a minute further each time that somebody looks."""
    minutes = count()
    return lambda: begin + timedelta(minutes=next(minutes))


def _live(tenants: Sequence[Tenant], first: date, events: int) -> dict[str, float]:
    """Each tenant's month in a process of its own, side by side."""
    began = time.perf_counter()
    command = [sys.executable, str(ROOT / "manage.py"), "demo_month", "--month", f"{first:%Y-%m}"]
    lives = [
        subprocess.Popen(
            [*command, "--events", str(events), "--tenant", tenant.slug], cwd=ROOT, stdout=subprocess.PIPE
        )
        for tenant in tenants
    ]
    said = [json.loads(life.communicate()[0] or b"null") for life in lives]
    if any(life.returncode for life in lives) or None in said:
        raise SystemExit("a tenant's month could not be written; what it said stands above")
    return {
        "events": sum(one["events"] for one in said),
        "people": sum(one["people"] for one in said),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _shift_to_the_end_of(first: date) -> float:
    """Seconds that make the database's clock say: that month ended this moment, so all that was written lies within it."""
    end = midnight((first + timedelta(days=32)).replace(day=1))
    return (end - clock.now()).total_seconds()


@contextmanager
def _portal(shift: float) -> Iterator[tuple[str, Supervisor]]:
    """The portal's processes with this clock, as `./toban serve` runs them; gives the web server's address and them."""
    settings.TOBAN_CLOCK_OFFSET = shift
    state = Path(os.environ["TOBAN_DATA"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    every = programs(bind=f"127.0.0.1:{port}", state=state)
    supervisor = Supervisor(logs=state / "logs", cwd=ROOT)
    try:
        for name in PROGRAMS:
            more = {
                "DATABASE_URL": os.environ[every[name].role],
                "TOBAN_URL": address,
                "TOBAN_CLOCK_OFFSET": f"{shift:.3f}",
                "TOBAN_PROCESS": name,
            }
            supervisor.start(name, every[name].command, env=os.environ | more)
        _until(lambda: get_json(f"{address}/readyz") is not None, START_S, supervisor)
        yield address, supervisor
    finally:
        supervisor.stop()


def _wait_for_watch_and_seal(tenants: Sequence[Tenant], first: date, supervisor: Supervisor) -> float:
    """Seconds until the rules have looked at everything and the seal that draws the samples is there."""
    began = time.perf_counter()
    end = midnight((first + timedelta(days=32)).replace(day=1))

    def is_ready() -> bool:
        for tenant in tenants:
            with tenant_scope(tenant.id):
                watch = AnomalyWatch.objects.first()
                if watch is None or watch.seq < length_of(tenant.id) - 50 or seal_after(end) is None:
                    return False
        return True

    _until(is_ready, WATCH_S, supervisor)
    return round(time.perf_counter() - began, 1)


def _until(is_so: Callable[[], bool], patience: float, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + patience
    while not is_so():
        if death := supervisor.death():
            raise SystemExit(str(death))
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {patience:.0f} s in vain; the logs lie in {supervisor.logs}")
        time.sleep(0.5)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
