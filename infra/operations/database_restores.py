"""A snapshot of a database comes back as a new database beside the original: for good, or for a while, to try something.

Another person confirms exactly what is asked of AWS. What was restored for a while asks for its removal when its time is over
(infra.operations.database_removals).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.aws import makings
from infra.domain.aws import CallResult, Target
from infra.domain.databases import UNTIL_TAG
from infra.domain.makings import Source, Stock, Wish, restore_troubles, stay_troubles
from infra.domain.snapshots import DbSnapshot
from infra.models import DatabaseSnapshot
from infra.operations.database_makings import MakingExecutor, MakingPlan, check_tags, common_request, wish_of
from infra.operations.database_rounds import LANE_CLASS, LOOK_IN, Plan, fresh
from infra.operations.snapshotting import made_at_of, snapshot_row
from infra.operations.verdicts import too_late
from infra.queries.makings import CREATE, RESTORE, source_of_snapshot, stock_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import Fail, Go, Later, OperationTarget, Verdict
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.queries.operations import open_by_target
from medical_audit.tenancy import tenant_scope

KIND = RESTORE
#: A restore for a while ends within this time.
LONGEST, SHORTEST = timedelta(days=90), timedelta(hours=1)
FROM_TAG = "toban:restored-from"
_KEYS = (
    "aws_id", "snapshot", "made_at", "database", "engine", "engine_version", "storage_gib", "until_at", "protected", "request",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Restore:
    """How a snapshot is to come back. tags: what the new database carries besides Toban's own marks; until: when its removal
    is asked for, None for one that stays. protected: deletion protection; one that is to be removed has none."""

    wish: Wish
    tags: Mapping[str, str] = field(default_factory=dict)
    until: datetime | None = None
    protected: bool = True


def request_of(row: DatabaseSnapshot, asked: Restore) -> dict[str, Any]:
    """The call's parameters, word for word."""
    # No value of a tag of RDS may begin as the names of its automated snapshots do (API reference, Tag).
    tags = dict(asked.tags) | {FROM_TAG: row.name.removeprefix("rds:")}
    if asked.until is not None:
        tags[UNTIL_TAG] = utc_text(asked.until)
    protected = asked.protected and asked.until is None
    return {"DBSnapshotIdentifier": row.name} | common_request(asked.wish, tags, protected=protected)


def end_problem(until: datetime | None, now: datetime) -> str:
    """Why a restore may not last so long (a code), or ""."""
    if until is None:
        return ""
    if until - now < SHORTEST:
        return "test_end_soon"
    return "" if until - now <= LONGEST else "test_end_far"


def enter_restore(
    snapshot_id: UUID, asked: Restore, *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter that a snapshot comes back beside its original. Raises NotPermitted, NotFound, Refused: stock_unread, what is wrong
    with the end or a tag, the first reason for which AWS would refuse, operation_open."""
    with tenant_scope(actor.tenant_id):
        row = snapshot_row(snapshot_id)
        actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
        busy = open_by_target("snapshot", [str(row.id)], actor=actor)
        key = f"form/{actor.id}/{token}/{KIND}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        stock = stock_of(row.account, row.region)
        if stock is None:
            raise Refused("stock_unread", target=row.name)
        if problem := end_problem(asked.until, now):
            raise Refused(problem, target=row.name)
        check_tags(asked.tags)
        named = stay_troubles(asked.wish, for_a_while=asked.until is not None)
        if troubles := named or restore_troubles(asked.wish, source_of_snapshot(row), stock):
            raise Refused(troubles[0].code, target=row.name)
        if busy or name_spoken_for(row.lane, asked.wish.aws_id):
            raise Refused("operation_open", target=row.name)
        request = request_of(row, asked)
        parameters = {
            "aws_id": request["DBInstanceIdentifier"], "snapshot": row.name, "made_at": made_at_of(row), "database": row.database,
            "engine": row.engine, "engine_version": row.engine_version, "storage_gib": row.storage_gib,
            "until_at": utc_text(asked.until) if asked.until else "", "protected": request["DeletionProtection"],
            "request": request,
        }  # fmt: skip
        target = OperationTarget("snapshot", str(row.id), row.name, f"{row.lane}/{LANE_CLASS}")
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def name_spoken_for(lane: str, aws_id: str) -> bool:
    """Whether an open operation is about to make a database of this name here. Needs the tenant bound."""
    rows = Operation.objects.filter(
        kind__in=(KIND, CREATE), state__in=OPEN, lane=f"{lane}/{LANE_CLASS}", parameters__aws_id=aws_id.lower()
    )  # fmt: skip
    return rows.exists()


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _KEYS}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sentence": KIND,
        "call": "rds:RestoreDBInstanceFromDBSnapshot",
        "lane": target.lane,
        **parameters,
    }


class RestoreExecutor(MakingExecutor):
    """Make it once, of a snapshot that is still there."""

    made = "database_restored"
    snapshot_kind = ""

    def snapshots_of(self, one: Operation) -> Sequence[str]:
        return (one.parameters["snapshot"],)

    def before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        assert isinstance(plan, MakingPlan)
        seen = plan.databases.get(one.parameters["aws_id"])
        if seen is not None:
            return self.judge(one, seen)
        until = one.parameters["until_at"]
        if until and datetime.fromisoformat(until) <= now:
            return Fail("test_end_over")
        snapshot = plan.snapshots.get(one.parameters["snapshot"])
        if snapshot is None:
            plan.stale = True
            return Fail("restore_snapshot_gone")
        if snapshot.replaces(one.parameters.get("made_at", "")):
            plan.stale = True
            return Fail("source_replaced")
        wish = wish_of(one.parameters["request"])
        troubles = stay_troubles(wish, for_a_while=bool(until)) or restore_troubles(
            wish, _source(snapshot), plan.stocks.get(one.id, Stock())
        )
        if troubles:
            plan.stale = True
            return Fail(troubles[0].code, detail=dict(troubles[0].told))
        return too_late(one, now) or Go()

    def after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        seen = plan.databases.get(one.parameters["aws_id"])
        if seen is not None:
            return self.judge(one, seen)
        return Later("not_yet", LOOK_IN) if fresh(one, now) or one.state != State.UNKNOWN else Go()

    def send(
        self, plan: Plan, target: Target, one: Operation, still_ours: Callable[[], bool]
    ) -> tuple[CallResult, dict[str, Any]]:
        return makings.restore(target, self.request_of(one), still_ours=still_ours), {
            "database": one.parameters["aws_id"]
        }


def _source(seen: DbSnapshot) -> Source:
    return Source(
        name=seen.id, state=seen.state, engine=seen.engine, version=seen.engine_version, storage_gib=seen.storage_gib,
        encrypted=seen.encrypted, kind=seen.kind, vpc=seen.vpc_id, option_group=seen.option_group,
    )  # fmt: skip
