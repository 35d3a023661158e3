"""What every operation on a database shares: look at the database and its snapshots, one call each, look again.

Which step is next is never remembered but seen, so that a worker that died, or an answer that was lost, is settled by looking.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra.aws import rds, snapshots
from infra.domain.aws import AwsError, CallResult, Database, Target
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.domain.snapshots import DbSnapshot
from infra.operations.verdicts import after_error, before_error, health_of, stops_the_rest
from infra.queries.targets import source_of, target_of
from medical_audit.domain.errors import LeaseLost
from medical_audit.domain.kinds import Accepted, Fail, Health, Later, Round, Verdict
from medical_audit.models import Operation

#: A lane of its own beside that of starts and stops, which must never wait for a snapshot or a handshake.
LANE_CLASS = "databases"
LOOK_IN, PAUSE = timedelta(seconds=10), timedelta(seconds=30)
#: How long after a call AWS may still show what was before it.
SHOWN_AFTER = timedelta(seconds=60)


@dataclass(slots=True)
class Plan:
    """Whom to ask, and what a look showed, by identifier in lower case. kept: what an executor notes for `remember`."""

    target: Target | None
    databases: dict[str, Database] = field(default_factory=dict)
    snapshots: dict[str, DbSnapshot] = field(default_factory=dict)
    account: Any = None
    kept: dict[UUID, Any] = field(default_factory=dict)


class DatabaseExecutor:
    """One kind says which databases and snapshots it looks at, what it makes of them, and which call comes next.

    snapshot_kind: of which kind the snapshots are, "" for any.
    """

    snapshot_kind = "manual"

    def databases_of(self, one: Operation) -> Sequence[str]:
        return ()

    def snapshots_of(self, one: Operation) -> Sequence[str]:
        return ()

    def before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        raise NotImplementedError

    def after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        raise NotImplementedError

    def look_more(self, plan: Plan, target: Target, operations: Sequence[Operation]) -> None:
        """Look at what else must be known right before a call. Raises AwsError."""

    def send(
        self, plan: Plan, target: Target, one: Operation, still_ours: Callable[[], bool]
    ) -> tuple[CallResult, dict[str, Any]]:
        """Make the next call; gives its result, and what the row is to tell of it."""
        raise NotImplementedError

    def refused(self, plan: Plan, one: Operation, error: AwsError) -> Verdict:
        """What an error of AWS's means for the operation."""
        return after_error(error)

    def remember(self, plan: Plan, now: datetime) -> None:
        """Nothing is kept, unless a kind says otherwise."""

    # -- the round ------------------------------------------------------------------------------------------------

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        account, region, _ = operations[0].lane.split("/")
        return Plan(target_of(account, region))

    def check(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, lambda one: self.before(plan, one, now), before=True)

    def observe(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, lambda one: self.after(plan, one, now), before=False)

    def intend(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> None:
        """Nothing of ours is overwritten."""

    def call(self, plan: Plan, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        assert plan.target is not None
        verdicts: dict[UUID, Verdict] = {}
        errors: list[AwsError | None] = []
        for one in operations:
            try:
                result, told = self.send(plan, replace(plan.target, source=source_of(one)), one, still_ours)
            except GatewayLeaseLost as lost:
                raise LeaseLost(lane=one.lane) from lost
            errors.append(result.error)
            if result.error is None:
                verdicts[one.id] = Accepted(result.request_id, LOOK_IN, told)
                continue
            verdicts[one.id] = self.refused(plan, one, result.error)
            if stops_the_rest(result.error):
                rest = [row.id for row in operations if row.id not in verdicts]
                waits = dict.fromkeys(rest, Later(str(result.error.problem), PAUSE))
                return Round(verdicts | waits, *health_of(errors))
        return Round(verdicts, *health_of(errors))

    def _look(
        self,
        plan: Plan,
        operations: Sequence[Operation],
        judge: Callable[[Operation], Verdict],
        *,
        before: bool,
    ) -> Round:
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        databases = [name.lower() for one in operations for name in self.databases_of(one)]
        names = [name.lower() for one in operations for name in self.snapshots_of(one)]
        try:
            if databases:
                plan.databases |= rds.describe_databases(plan.target, databases)
            if names:
                plan.snapshots |= snapshots.describe_snapshots(plan.target, names, kind=self.snapshot_kind)
            if before:
                self.look_more(plan, plan.target, operations)
        except AwsError as error:
            verdict = before_error(error) if before else Later(str(error.problem), PAUSE, seen=False)
            return Round(dict.fromkeys((one.id for one in operations), verdict), *health_of([error]))
        return Round({one.id: judge(one) for one in operations}, Health.GOOD)


def fresh(one: Operation, now: datetime) -> bool:
    """So short after its call that AWS may still show what was before it."""
    return one.called_at is not None and now - one.called_at < SHOWN_AFTER
