"""A fleet by numbers, for benches: so many instances over accounts and regions, so large a share due."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from config.simulator.model import Attachment, Database, Fleet, Server, Volume, stable_id

_TYPES = ("t3.medium", "m6i.large", "c6i.xlarge")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make; totals are spread evenly over accounts x regions.

    due: share of each cell that is stopped and carries `tags_due`; the others carry `tags_rest` and run with
        the probability `running`.
    named: share of the volumes that have a Name.
    """

    accounts: int | list[str] = 1
    regions: list[str] = field(default_factory=lambda: ["ap-northeast-1"])
    instances: int = 0
    databases: int = 0
    volumes_per: int = 1
    orphans: int = 0
    due: float = 0.1
    running: float = 0.5
    named: float = 0.5
    tags_due: Mapping[str, str] = field(default_factory=lambda: {"AutoStart": "08:30", "AutoStop": "19:00"})
    tags_rest: Mapping[str, str] = field(default_factory=lambda: {"AutoStart": "20:00", "AutoStop": "19:00"})
    seed: str = "bench"

    def account_ids(self) -> list[str]:
        """The accounts; a number makes so many."""
        if isinstance(self.accounts, int):
            return [f"{700000000000 + n}" for n in range(1, self.accounts + 1)]
        return list(self.accounts)


def plan_from_json(raw: Mapping[str, Any]) -> Plan:
    """Reads a plan. Raises TypeError for a word it does not know."""
    return Plan(**raw)


def generate(plan: Plan) -> Fleet:
    """The same plan gives the same fleet in every process."""
    chance = random.Random(plan.seed)
    cells = [(account, region) for account in plan.account_ids() for region in plan.regions]
    servers: list[Server] = []
    volumes: list[Volume] = []
    databases: list[Database] = []
    for (account, region), share in _shares(cells, plan.instances):
        for n in range(share):
            due = n < round(share * plan.due)
            server = Server(
                account,
                region,
                stable_id("instance", plan.seed, account, region, str(n)),
                state="stopped" if due or chance.random() >= plan.running else "running",
                tags={"Name": f"srv-{len(servers):06d}", **(plan.tags_due if due else plan.tags_rest)},
                instance_type=chance.choice(_TYPES),
            )
            servers.append(server)
            volumes += _volumes_of(plan, server, chance)
    for (account, region), share in _shares(cells, plan.orphans):
        for n in range(share):
            volumes.append(
                Volume(account, region, stable_id("volume", plan.seed, account, region, f"orphan-{n}"))
            )
    for (account, region), share in _shares(cells, plan.databases):
        for n in range(share):
            due = n < round(share * plan.due)
            running = not due and chance.random() < plan.running
            databases.append(
                Database(
                    account,
                    region,
                    f"db-{plan.seed}-{len(databases):06d}",
                    state="available" if running else "stopped",
                    tags=dict(plan.tags_due if due else plan.tags_rest),
                )
            )
    return Fleet(servers, volumes, databases)


def _shares(cells: list[tuple[str, str]], total: int) -> Iterator[tuple[tuple[str, str], int]]:
    each, extra = divmod(total, len(cells))
    for position, cell in enumerate(cells):
        yield cell, each + (position < extra)


def _volumes_of(plan: Plan, server: Server, chance: random.Random) -> Iterator[Volume]:
    for n in range(plan.volumes_per):
        yield Volume(
            server.account_id,
            server.region,
            stable_id("volume", server.id, str(n)),
            tags={"Name": server.tags["Name"]} if chance.random() < plan.named else {},
            attachments=(Attachment(server.id, f"/dev/sd{chr(ord('a') + n)}", delete_on_termination=n == 0),),
        )
