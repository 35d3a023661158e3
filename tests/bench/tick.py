"""One round over 10,000 EC2 instances in 20 account-regions, 1,000 of them due; then a round with nothing due.

    ./toban bench tick [--instances 10000] [--due 1000] [--profile PHASE]

Inventory, tick, drain and settling run in this process, lanes by 8 threads as in one worker.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connection

from infra.operations.tick import tick
from infra.queries.queue import due_tenants
from medical_audit.models import Event, Operation
from medical_audit.operations.execution import drain_lane
from medical_audit.queries.queue import due_lanes
from medical_audit.tenancy import tenant_scope
from tests import factories
from tests.bench._measure import Phase, measured, report, show
from tests.chaos.field import in_regions
from tests.chaos.places import role
from tests.factories import MONDAY_0830
from tests.simulated import Clock, ask, make_account

REGIONS = ("ap-northeast-1", "ap-northeast-3")
ACCOUNTS = 10
THREADS = 8
MUTATIONS = ("ec2.StartInstances", "ec2.StopInstances", "ec2.CreateTags")


class Round:
    """The fleet and what happened to it."""

    def __init__(self, instances: int, due: int) -> None:
        cast = factories.make_cast()
        self.tenant = cast.tenant.id
        self.clock = Clock(MONDAY_0830)
        self.lanes = [one for _ in range(ACCOUNTS) for one in in_regions(make_account(cast), REGIONS)]
        self.accounts = sorted({one.number for one in self.lanes})
        fleet = {"accounts": self.accounts, "regions": list(REGIONS), "instances": instances, "due": due / instances,
                 "named": 1.0, "seed": self.accounts[0]}  # fmt: skip
        ask("seed", {"generate": fleet})
        self.phases: list[Phase] = []

    @contextmanager
    def phase(self, name: str, profiled: str) -> Iterator[Phase]:
        profile = cProfile.Profile()
        events = self.events()
        with measured(name, self.accounts) as phase:
            if name == profiled:
                profile.enable()
            yield phase
            profile.disable()
        phase.facts["events"] = self.events() - events
        self.phases.append(phase)
        if name == profiled:
            pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(70)

    def events(self) -> int:
        with tenant_scope(self.tenant):
            return Event.objects.count()

    def look(self) -> int:
        with role("worker"):
            return sum(one.inventory(self.clock).changed for one in self.lanes)

    def tick(self) -> int:
        with role("scheduler"):
            return sum(
                len(tick(one, now=self.clock()).entered)
                for one in due_tenants(self.clock())
                if one == self.tenant
            )

    def drain(self, threads: int) -> int:
        """Serve every due lane of ours, as many at once as there are threads."""
        with role("worker"):
            lanes = [lane for tenant, lane in due_lanes(self.clock(), limit=500) if tenant == self.tenant]
            if threads == 1:
                return sum(map(self._serve, lanes))
            with ThreadPoolExecutor(threads) as pool:
                return sum(pool.map(_closing(self._serve), lanes))

    def _serve(self, lane: str) -> int:
        return drain_lane(self.tenant, lane, worker="bench", clock=self.clock)


def _closing(serve: Callable[[str], int]) -> Callable[[str], int]:
    def served(lane: str) -> int:
        try:
            return serve(lane)
        finally:
            connection.close()

    return served


def main() -> None:
    parser = argparse.ArgumentParser(prog="./toban bench tick", description=__doc__)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--due", type=int, default=1_000)
    parser.add_argument(
        "--profile", default="", help="a phase, served by one thread then: inventory, tick, drain, settle"
    )
    options = parser.parse_args()
    threads = 1 if options.profile else THREADS
    of = Round(options.instances, options.due)
    with of.phase("inventory", options.profile) as phase:
        phase.facts["changed"] = of.look()
    with of.phase("tick", options.profile) as phase:
        phase.facts["entered"] = of.tick()
    with of.phase("drain", options.profile) as phase:
        phase.facts["served"] = of.drain(threads)
    of.clock.pass_(seconds=10)
    with of.phase("settle", options.profile) as phase:
        phase.facts["served"] = of.drain(threads)
    with of.phase("nothing due", options.profile) as phase:
        phase.facts |= {"entered": of.tick(), "served": of.drain(threads)}
    with of.phase("inventory, nothing changed", options.profile) as phase:
        phase.facts["changed"] = of.look()
    with tenant_scope(of.tenant):
        states = Counter(Operation.objects.filter(kind="ec2.start").values_list("state", flat=True))
    _tell(of, dict(states))


def _tell(of: Round, states: dict[str, int]) -> None:
    mutations = sum(phase.calls.get(action, 0) for phase in of.phases for action in MUTATIONS)
    show(
        f"one round, {len(of.lanes)} account-regions, operations {states}, mutating EC2 calls {mutations}",
        ("phase", "wall s", "cpu s", "events", "calls", "did"),
        [
            (phase.name, f"{phase.wall_s:.2f}", f"{phase.cpu_s:.2f}", phase.facts["events"], phase.calls or "-",
             {key: value for key, value in phase.facts.items() if key != "events"})
            for phase in of.phases
        ],
    )  # fmt: skip
    report(
        {
            "states": states,
            "mutating_calls": mutations,
            "phases": {phase.name: phase.numbers() for phase in of.phases},
        }
    )


if __name__ == "__main__":
    main()
