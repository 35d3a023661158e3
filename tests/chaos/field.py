"""A field of servers that are due: planted in the simulator, entered by inventory and tick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.models import Region
from infra.operations.tick import tick
from medical_audit.domain.states import FINAL
from medical_audit.models import Operation
from medical_audit.tenancy import tenant_scope
from tests.chaos.places import role, shift_to
from tests.factories import MONDAY_0830, Cast
from tests.simulated import TOKYO, Account, Clock, ask, make_account

TAGS = {"Name": "web", "AutoStart": "08:30"}


class Field:
    """Accounts of some tenants with stopped servers that are due at 08:30 of a working Monday.

    `since` is the moment that it is there now, its clock shifted; or the `shift` itself.
    """

    def __init__(
        self,
        casts: Sequence[Cast],
        *,
        accounts: int,
        servers: int,
        regions: Sequence[str] = (TOKYO,),
        since: datetime = MONDAY_0830 + timedelta(minutes=1),
        shift: timedelta | None = None,
    ) -> None:
        self.shift = shift_to(since) if shift is None else shift
        self.tenants = [cast.tenant.id for cast in casts]
        self.began = int(ask(f"journal?since={10**12}")["last"])
        made = [make_account(casts[n % len(casts)]) for n in range(accounts)]
        self.accounts = [one for account in made for one in in_regions(account, regions)]
        """One entry for each region of each account: each is a lane."""
        self.ids: dict[str, list[str]] = {}
        for one in self.accounts:
            server = {"account_id": one.number, "region": one.region.name, "state": "stopped", "tags": TAGS}
            self.ids[one.lane] = ask("seed", {"seed": one.lane, "instances": [server] * servers})["instances"]

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def look(self, accounts: Iterable[Account] | None = None) -> None:
        """Take stock, so that the servers have rows with plans."""
        with role("worker"):
            for account in self.accounts if accounts is None else accounts:
                account.inventory(Clock(self.now))

    def enter(self, accounts: Iterable[Account] | None = None) -> int:
        """Take stock and tick: what is due in these accounts (all of them) becomes operations."""
        self.look(accounts)
        with role("scheduler"):
            return sum(len(tick(tenant, now=self.now).entered) for tenant in self.tenants)

    def operations(self) -> Iterator[Operation]:
        """The starts of all tenants."""
        for tenant in self.tenants:
            with tenant_scope(tenant):
                yield from Operation.objects.filter(kind="ec2.start").order_by("id")

    def of(self, server: str) -> Operation:
        """The one operation of a server."""
        (row,) = (row for row in self.operations() if row.parameters["aws_id"] == server)
        return row

    def states(self) -> Counter[str]:
        return Counter(row.state for row in self.operations())

    def settled(self, operations: int) -> bool:
        """Have so many operations come to their end?"""
        ended = 0
        for tenant in self.tenants:
            with tenant_scope(tenant):
                ended += Operation.objects.filter(kind="ec2.start", state__in=FINAL).count()
        return ended >= operations

    def rough(self, low_ms: int, high_ms: int) -> None:
        """Rough weather: every start takes this long before it is applied, so that kills land inside; one in ten is
        cut off unapplied, one in ten applied without an answer."""
        for account in {one.number: one for one in self.accounts}.values():
            starts = {"action": "StartInstances"}
            account.fault(match=starts, probability=0.1, latency_ms=[low_ms, high_ms], reset=True)
            account.fault(match=starts, probability=0.1, latency_ms=[low_ms, high_ms], apply_then_lose=True)
            account.fault(match=starts, latency_ms=[low_ms, high_ms])

    def calls(self) -> list[dict[str, Any]]:
        """Every start of this field that reached AWS, in order."""
        mine = {account.number for account in self.accounts}
        found: list[dict[str, Any]] = []
        since, more = self.began, True
        while more:
            page = ask(f"journal?action=StartInstances&since={since}")
            found += [entry for entry in page["entries"] if entry["account"] in mine]
            since, more = page["last"], page["more"]
        return found

    def calls_naming(self, server: str) -> list[dict[str, Any]]:
        return [entry for entry in self.calls() if server in entry["ids"]]


def in_regions(account: Account, names: Sequence[str]) -> list[Account]:
    """The account once for each region; those that it lacks are added."""
    with tenant_scope(account.cast.tenant.id):
        have = {account.region.name: account.region}
        for name in names:
            if name not in have:
                have[name] = Region.objects.create(
                    tenant_id=account.cast.tenant.id, account=account.row, name=name
                )
    return [replace(account, region=have[name]) for name in names]


class Trap:
    """A fault of one account with a name: whether a call stands in it, and how often it fired. Opened by removal."""

    def __init__(self, account: Account, **rule: Any) -> None:
        self.id = f"trap-{account.number}-{rule.get('hold', 'hang')}"
        account.fault(id=self.id, **rule)

    def _rule(self) -> dict[str, Any]:
        (rule,) = (one for one in ask("faults") if one["id"] == self.id)
        return dict(rule)

    def holds(self) -> bool:
        return int(self._rule()["waiting"]) > 0

    def fired(self) -> int:
        return int(self._rule()["fired"])

    def open(self) -> None:
        """Let what stands in it go on."""
        ask(f"faults/{self.id}", method="DELETE")
