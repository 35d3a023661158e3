"""The morning duty as tests tell it: look, tick, work, and read what came of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from accounts.domain.permissions import Role
from infra.models import Finding, Region, Resource, Volume
from infra.operations.automation import target_of_account
from infra.operations.dues import target_of_resource
from infra.operations.featuring import enter_features
from infra.operations.inventory import Taken
from infra.operations.tagging import LANE_CLASS
from infra.operations.tick import Ticked, tick
from medical_audit.models import Event, Lane, Operation
from medical_audit.operations import entry
from medical_audit.operations.execution import drain_lane
from medical_audit.tenancy import tenant_scope
from tests.conftest import AsRole
from tests.factories import Cast, proof
from tests.simulated import Account, Clock
from tests.simulator.client import Simulator

JST = ZoneInfo("Asia/Tokyo")
WRITES = ("INSERT", "UPDATE", "DELETE")


def jst(year: int, month: int, day: int, hour: int = 8, minute: int = 30) -> datetime:
    """An instant by the clock on the wall of the office."""
    return datetime(year, month, day, hour, minute, tzinfo=JST)


@dataclass(frozen=True)
class Duty:
    """One account, its clock, and the processes that serve it, each under its own database role."""

    aws: Account
    clock: Clock
    as_role: AsRole

    # -- the processes ----------------------------------------------------------------------------------------

    def look(self) -> Taken:
        with self.as_role("worker"):
            return self.aws.inventory(self.clock)

    def tick(self, **step: int) -> Ticked:
        with self.as_role("scheduler"):
            return tick(self.aws.cast.tenant.id, now=self.clock(), **step)

    def work(self) -> int:
        with self.as_role("worker"):
            return self.aws.drain(self.clock)

    def tag(self) -> int:
        """Serve the lane of background work, which is apart so that no server waits for a label."""
        with self.as_role("worker"):
            return drain_lane(
                self.aws.cast.tenant.id, f"{self.aws.lane}/{LANE_CLASS}", worker="test", clock=self.clock
            )

    def work_for(self, *, rounds: int, seconds: float) -> None:
        """Drain the lane now and again after every pause."""
        self.work()
        for _ in range(rounds):
            self.clock.pass_(seconds=seconds)
            self.work()

    def morning(self) -> None:
        """Look, tick, work, and work once more when AWS has had ten seconds."""
        self.look()
        self.tick()
        self.work_for(rounds=1, seconds=10)

    # -- what people do ---------------------------------------------------------------------------------------

    def console(self, service: str) -> Any:
        """Somebody in AWS's own console of this account."""
        simulator = Simulator(os.environ["AWS_ENDPOINT_URL"], 0)
        return simulator.client(service, self.aws.number, ExternalId=f"ext-{self.aws.number}")

    def retag(self, aws_id: str, **tags: str) -> None:
        self.console("ec2").create_tags(
            Resources=[aws_id], Tags=[{"Key": key, "Value": value} for key, value in tags.items()]
        )

    def untag(self, aws_id: str, *keys: str) -> None:
        self.console("ec2").delete_tags(Resources=[aws_id], Tags=[{"Key": key} for key in keys])

    def switch(self, mode: str) -> None:
        """The administrator enters it, the approver confirms it."""
        cast, row = self.aws.cast, self.aws.row
        approver = cast.actor(Role.APPROVER)
        entered = entry.enter("account.automation", target_of_account(row), {"mode": mode},
                              actor=cast.actor(Role.ADMINISTRATOR), now=self.clock(), reason="test")  # fmt: skip
        entry.confirm(entered.id, actor=approver, now=self.clock(), seen_digest=entered.digest,
                      proof=proof(approver, self.clock()))  # fmt: skip

    def does(self, *features: str) -> None:
        """Two people decide that Toban does no more than this here."""
        cast, now = self.aws.cast, self.clock()
        admin, approver = cast.actor(Role.ADMINISTRATOR), cast.actor(Role.APPROVER)
        entered = enter_features(
            self.aws.row.id, features, managed_only=False, actor=admin, now=now, reason="test"
        )
        entry.confirm(
            entered.id, actor=approver, now=now, seen_digest=entered.digest, proof=proof(approver, now)
        )

    def order(self, kind: str, aws_id: str) -> Operation:
        """An operator enters and confirms one action by hand."""
        operator = self.aws.cast.actor(Role.OPERATOR)
        with tenant_scope(operator.tenant_id):
            target = target_of_resource(Resource.objects.select_related("account").get(aws_id=aws_id))
        entered = entry.enter(
            kind, target, {"aws_id": aws_id}, actor=operator, now=self.clock(), reason="test"
        )
        return entry.confirm(entered.id, actor=operator, now=self.clock(), seen_digest=entered.digest,
                             proof=proof(operator, self.clock()))  # fmt: skip

    # -- what came of it --------------------------------------------------------------------------------------

    def operations(self, **wanted: Any) -> list[Operation]:
        with tenant_scope(self.aws.cast.tenant.id):
            rows = Operation.objects.exclude(kind="account.automation").filter(**wanted)
            return list(rows.order_by("due_at", "entered_at", "id"))

    def outcomes(self) -> dict[str, tuple[str, str]]:
        """State and outcome by AWS id; the newest operation of each counts."""
        return {
            one.parameters.get("aws_id") or one.parameters["volume_id"]: (str(one.state), one.outcome)
            for one in self.operations()
        }

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Bodies of the events of a kind, oldest first."""
        with tenant_scope(self.aws.cast.tenant.id):
            bodies = Event.objects.filter(kind=kind).order_by("ord").values_list("body", flat=True)
            return [json.loads(body) for body in bodies]

    def resource(self, aws_id: str) -> Resource:
        with tenant_scope(self.aws.cast.tenant.id):
            row: Resource = Resource.objects.get(aws_id=aws_id)
            return row

    def volume(self, volume_id: str) -> Volume:
        with tenant_scope(self.aws.cast.tenant.id):
            row: Volume = Volume.objects.get(volume_id=volume_id)
            return row

    def region(self) -> Region:
        with tenant_scope(self.aws.cast.tenant.id):
            row: Region = Region.objects.get(id=self.aws.region.id)
            return row

    def lane(self) -> Lane:
        with tenant_scope(self.aws.cast.tenant.id):
            row: Lane = Lane.objects.get(name=self.aws.lane)
            return row

    def findings(self, *, still_open: bool = True) -> dict[str, list[Finding]]:
        """Findings by AWS id."""
        with tenant_scope(self.aws.cast.tenant.id):
            found: dict[str, list[Finding]] = {}
            rows = Finding.objects.filter(resolved_at__isnull=still_open).select_related("resource")
            for row in rows.order_by("found_at", "code"):
                found.setdefault(row.resource.aws_id, []).append(row)
            return found

    def sent(self, action: str) -> list[list[str]]:
        """The ids of each call of a mutating action, refused ones included, in the order in which they came."""
        entries = self._journal("")
        return [one["ids"] for one in entries if one["action"] == action]

    def effects(self, aws_id: str) -> list[str]:
        """Actions that really changed this resource, in order."""
        return [one["action"] for one in self._journal("&effective=1") if aws_id in one["changes"]]

    def _journal(self, query: str) -> list[dict[str, Any]]:
        simulator = Simulator(os.environ["AWS_ENDPOINT_URL"], 0)
        entries: list[dict[str, Any]] = simulator.ask("GET", f"journal?account={self.aws.number}{query}")[
            "entries"
        ]
        return entries


def stranger_cast(cast: Cast) -> Cast:
    """The other tenant, where the stranger holds every role."""
    return Cast(cast.other_tenant, dict.fromkeys(cast.people, cast.stranger), cast.stranger, cast.tenant)


@contextmanager
def counted_writes() -> Iterator[list[str]]:
    """Collect the statements that would change rows."""
    writes: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(WRITES) or "ledger.log" in sql or "FOR UPDATE" in sql:
            writes.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield writes
