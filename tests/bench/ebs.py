"""EBS tagging over 10,000 instances and 20,000 volumes, half of them without a Name, in 20 account-regions; then a second run.

    ./toban bench ebs [--instances 10000] [--volumes-per 2] [--threads 8]

The fewest calls that can be made without a change feed are the pages of what exists, one look at the volumes right before
they are tagged, and one CreateTags for each distinct Name. The bench says how many were made, and fails where the second run
writes anything.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from infra.models import Volume
from medical_audit.models import Operation
from medical_audit.operations.execution import drain_lane
from medical_audit.queries.queue import due_lanes
from medical_audit.tenancy import tenant_scope
from tests import factories
from tests.bench._measure import Phase, measured, report, show
from tests.chaos.field import in_regions
from tests.chaos.places import role
from tests.factories import MONDAY_0830
from tests.simulated import Account, Clock, ask, make_account

REGIONS = ("ap-northeast-1", "ap-northeast-3")
ACCOUNTS = 10


class Fleet:
    """The account-regions, and the two steps that a worker does for each."""

    def __init__(self, instances: int, volumes_per: int, threads: int) -> None:
        cast = factories.make_cast()
        self.tenant, self.threads, self.clock = cast.tenant.id, threads, Clock(MONDAY_0830)
        self.lanes = [one for _ in range(ACCOUNTS) for one in in_regions(make_account(cast), REGIONS)]
        self.accounts = sorted({one.number for one in self.lanes})
        ask("seed", {"generate": {
            "accounts": self.accounts, "regions": list(REGIONS), "instances": instances, "volumes_per": volumes_per,
            "named": 0.5, "seed": self.accounts[0],
        }})  # fmt: skip
        self.phases: list[Phase] = []

    def look(self) -> dict[str, int]:
        taken = self._each(self.lanes, lambda one: one.inventory(self.clock))
        return {"volumes": sum(one.volumes for one in taken), "entered": sum(one.tagging for one in taken)}

    def tag(self) -> dict[str, int]:
        lanes = [lane for tenant, lane in due_lanes(self.clock(), limit=500) if tenant == self.tenant]
        served = self._each(
            lanes, lambda lane: drain_lane(self.tenant, lane, worker="bench", clock=self.clock)
        )
        return {"served": sum(served)}

    def run(self, name: str, step: Callable[[], dict[str, int]]) -> Phase:
        with measured(name, self.accounts) as phase, role("worker"):
            phase.facts |= step()
        self.phases.append(phase)
        return phase

    def _each(self, what: list[Any], serve: Callable[[Any], Any]) -> list[Any]:
        """Accounts in parallel, as many at once as there are threads."""

        def served(one: Account | str) -> Any:
            try:
                return serve(one)
            finally:
                connection.close()

        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(served, what))


def main() -> None:
    parser = argparse.ArgumentParser(prog="./toban bench ebs", description=__doc__)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--volumes-per", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    of = Fleet(options.instances, options.volumes_per, options.threads)
    for number in ("first", "second"):
        of.run(f"{number} inventory", of.look)
        of.run(f"{number} tagging", of.tag)
        of.clock.pass_(seconds=600)
    with tenant_scope(of.tenant):
        distinct = (
            Operation.objects.filter(kind="ebs.tag").values("lane", "parameters__tags").distinct().count()
        )
        unnamed = Volume.objects.filter(name="", gone_at__isnull=True).count()
    writes = [sum(n for call, n in one.calls.items() if call.endswith("CreateTags")) for one in of.phases]
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    show(
        f"{len(of.lanes)} account-regions; CreateTags {sum(writes[:2])} for {distinct} distinct Names, {unnamed} volumes left "
        f"without; second run: {sum(writes[2:])} writes; peak memory {peak_mib} MiB",
        ("phase", "wall s", "cpu s", "calls", "did"),
        [(one.name, f"{one.wall_s:.2f}", f"{one.cpu_s:.2f}", one.calls or "-", one.facts) for one in of.phases],
    )  # fmt: skip
    report(
        {
            "distinct_names": distinct,
            "writes": {"first": sum(writes[:2]), "second": sum(writes[2:])},
            "unnamed": unnamed,
            "peak_mib": peak_mib,
            "phases": {one.name: one.numbers() for one in of.phases},
        }
    )
    if sum(writes[2:]) or unnamed or sum(writes[:2]) != distinct:
        sys.exit(
            "the second run wrote, a volume was left without its Name, or a Name took more than one call"
        )


if __name__ == "__main__":
    main()
