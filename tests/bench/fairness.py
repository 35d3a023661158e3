"""One of 21 accounts hangs 60 s per call: how late are the others' starts? Real beat and workers, default settings.

    ./toban bench fairness [--servers 10] [--regions 1] [--without]

Lateness is read from the rows: called_at - due_at, due at the full minute. `--without` lets nobody hang, to compare.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from config.console.programs import STOP_ORDER, programs
from config.processes import Supervisor
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests import factories
from tests.bench._measure import report, show, spread
from tests.chaos.field import Field
from tests.chaos.places import ROOT, child_env, url, wait_until
from tests.factories import MONDAY_0830
from tests.simulated import Account

ROLES = {"DATABASE_SCHEDULER_URL": "scheduler", "DATABASE_WORKER_URL": "worker"}
HEALTHY = 20
LATENCY_MS = 100
WITHIN_S = 300


def main() -> int:
    parser = argparse.ArgumentParser(prog="./toban bench fairness", description=__doc__)
    parser.add_argument("--servers", type=int, default=10)
    parser.add_argument("--regions", type=int, choices=(1, 2), default=1)
    parser.add_argument("--without", action="store_true", help="nobody hangs")
    options = parser.parse_args()
    regions = ("ap-northeast-1", "ap-northeast-3")[: options.regions]
    lead = timedelta(seconds=75)  # servers start, take stock and settle down before 08:30
    field = Field(
        [factories.make_cast()],
        accounts=HEALTHY + 1,
        servers=options.servers,
        regions=regions,
        since=MONDAY_0830 - lead,
    )
    for one in field.accounts[:: len(regions)]:
        one.fault(match={"service": "ec2"}, latency_ms=LATENCY_MS)
    hung = field.accounts[0]
    field.look()
    if not options.without:
        hung.no_faults()
        hung.fault(match={"service": "ec2|rds"}, hang_s=60)
    with tempfile.TemporaryDirectory() as place:
        processes = Supervisor(logs=Path(place), cwd=ROOT)
        try:
            _start(processes, Path(place), field)
            wanted = HEALTHY * len(regions) * options.servers
            wait_until(
                "all others are called", lambda: len(_late(field, hung)) >= wanted, within=WITHIN_S, every=0.5
            )
        finally:
            processes.stop(order=STOP_ORDER, patience=3)
    late = {
        "due to entered": spread(_late(field, hung, "entered_at")),
        "due to called": spread(_late(field, hung)),
    }
    show(
        f"{wanted} starts of {HEALTHY} accounts, {'nobody hangs' if options.without else 'one more account hangs'}",
        ("seconds from", "p50", "p95", "max"),
        [(name, *numbers.values()) for name, numbers in late.items()],
    )
    report({"operations": wanted, "hanging": not options.without, "seconds": late})
    return 0 if late["due to called"]["p95"] < 5 else 1


def _start(processes: Supervisor, place: Path, field: Field) -> None:
    every = programs(bind="127.0.0.1:0", state=place)
    for name in ("control", "aws", "inventory", "beat"):
        env = child_env(field.shift) | {
            "DATABASE_URL": url(ROLES[every[name].role]),
            "REDIS_URL": os.environ["REDIS_URL"],
        }
        processes.start(name, every[name].command, env=env)


def _late(field: Field, hung: Account, moment: str = "called_at") -> list[float]:
    """Seconds from due to a moment, of everybody but the hung one."""
    (tenant,) = field.tenants
    with tenant_scope(tenant):
        rows = Operation.objects.filter(kind="ec2.start", called_at__isnull=False)
        others = rows.exclude(lane__startswith=f"{hung.number}/")
        return [(at - due).total_seconds() for at, due in others.values_list(moment, "due_at")]


if __name__ == "__main__":
    sys.exit(main())
