"""A copy of a snapshot of one's own: of one that another account shares, encrypted with a key of this account, or at a newer engine version.

What another account shares encrypted cannot be restored, and what AWS offers no engine version for neither; a copy can. The original is
left as it is: only the copy is brought to another version. Which step is next is seen, as in every operation on databases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.aws import makings, snapshots
from infra.domain.aws import AwsError, CallResult, Problem, Target
from infra.domain.database_names import SNAPSHOT_MAX, name_problem
from infra.domain.disks import OPERATION_TAG
from infra.domain.makings import Stock, upgrade_options
from infra.domain.snapshots import COMPLETE, PREFIX, DbSnapshot, can_upgrade, copy_refusal, key_problem
from infra.models import DatabaseSnapshot
from infra.operations.database_makings import VERIFY_WITHIN
from infra.operations.database_rounds import LANE_CLASS, LOOK_IN, PAUSE, Plan, fresh
from infra.operations.snapshotting import KeepingExecutor, made_at_of, snapshot_row
from infra.operations.verdicts import after_error, too_late
from infra.queries.makings import source_of_snapshot, stock_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import Again, Done, Fail, Go, Later, OperationTarget, Verdict
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.queries.operations import open_by_target
from medical_audit.tenancy import tenant_scope

KIND = "rds.snapshot_copy"
COPY, UPGRADE = "copy", "upgrade"
PATIENT = frozenset({"snapshot_in_the_making", "snapshot_upgrading", "snapshot_copied"})
#: The second call comes when the copy is complete, which takes as long as it takes: it must not be too late for it then.
GRACE = 2 * VERIFY_WITHIN
_KEYS = (
    "source",
    "made_at",
    "snapshot",
    "database",
    "engine",
    "engine_version",
    "version",
    "option_group",
    "key",
    "storage_gib",
)


@dataclass(frozen=True, slots=True)
class Copy:
    """name: of the copy, toban-...; key: KMS key that it is encrypted with, "" for as the original is; version: engine version that it
    is brought to, "" for the original's; option_group: of the copy then, where AWS wants one named."""

    name: str
    key: str = ""
    version: str = ""
    option_group: str = ""


def refusal_of(row: DatabaseSnapshot, key: str) -> str:
    """Why AWS would make no copy of it (a code), or ""."""
    gone = row.gone_at is not None
    return copy_refusal(row.engine, row.kind, row.state, encrypted=row.encrypted, key=key, gone=gone)


def enter_copy(
    snapshot_id: UUID, asked: Copy, *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter that a snapshot is copied. Raises NotPermitted, NotFound, Refused: why AWS would make no copy, what is wrong with its name
    or key, upgrade_of_engine, copy_options_needed, snapshot_prefix, snapshot_name_taken, operation_open."""
    with tenant_scope(actor.tenant_id):
        row = snapshot_row(snapshot_id)
        actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
        busy = open_by_target("snapshot", [str(row.id)], actor=actor)
        key = f"form/{actor.id}/{token}/{KIND}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        name = asked.name.strip().lower()
        if problem := name_problem(name, SNAPSHOT_MAX):
            raise Refused(str(problem), target=name)
        if not name.startswith(f"{PREFIX}-"):
            raise Refused("snapshot_prefix", target=name)
        if asked.key and (problem_of_key := key_problem(asked.key, row.region)):
            raise Refused(problem_of_key, target=asked.key)
        if asked.version and not can_upgrade(row.engine):
            raise Refused("upgrade_of_engine", target=row.name)
        options = options_of(row, asked.version)
        if options is not None and asked.option_group not in options:
            raise Refused("copy_options_needed", target=row.name)
        if refusal := refusal_of(row, asked.key):
            raise Refused(refusal, target=row.name)
        here = DatabaseSnapshot.objects.filter(account=row.account, region=row.region, name=name)
        if here.filter(gone_at__isnull=True).exists():
            raise Refused("snapshot_name_taken", target=name)
        if busy:
            raise Refused("operation_open", target=row.name)
        parameters = {
            "source": row.name, "made_at": made_at_of(row), "snapshot": name, "database": row.database, "engine": row.engine, "engine_version": row.engine_version,
            "version": asked.version, "option_group": asked.option_group if options is not None else "", "key": asked.key,
            "storage_gib": row.storage_gib,
        }  # fmt: skip
        target = OperationTarget("snapshot", str(row.id), row.name, f"{row.lane}/{LANE_CLASS}")
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def options_of(row: DatabaseSnapshot, version: str) -> tuple[str, ...] | None:
    """The option groups of which one must be named with this version; None where none need be. Needs the tenant bound."""
    if not version:
        return None
    return upgrade_options(source_of_snapshot(row), version, stock_of(row.account, row.region) or Stock())


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _KEYS}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    calls = ["rds:CopyDBSnapshot", *(["rds:ModifyDBSnapshot"] if parameters["version"] else [])]
    return {"sentence": KIND, "call": ", ".join(calls), "lane": target.lane, **parameters}


@dataclass(slots=True)
class CopyPlan(Plan):
    """versions: what AWS takes each source to, where that was asked."""

    versions: dict[UUID, frozenset[str]] = field(default_factory=dict)


class CopyExecutor(KeepingExecutor):
    """Copy, wait until it is complete, bring the copy to the wanted version, wait again."""

    snapshot_kind = ""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> CopyPlan:
        plan = super().prepare(operations, now)
        return CopyPlan(plan.target, account=plan.account)

    def snapshots_of(self, one: Operation) -> Sequence[str]:
        return one.parameters["source"], one.parameters["snapshot"]

    def look_more(self, plan: Plan, target: Target, operations: Sequence[Operation]) -> None:
        assert isinstance(plan, CopyPlan)
        for one in operations:
            given = one.parameters
            if given["version"]:
                plan.versions[one.id] = makings.upgrades(target, given["engine"], given["engine_version"])

    def before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        assert isinstance(plan, CopyPlan)
        given = one.parameters
        wanted = given["version"]
        if wanted and wanted not in plan.versions[one.id]:
            told = {"versions": sorted(plan.versions[one.id])}
            return Fail("upgrade_impossible", detail=told)
        made = plan.snapshots.get(given["snapshot"])
        if made is not None:
            return self._judge(made, one) or Go({"step": UPGRADE})
        source = plan.snapshots.get(given["source"])
        if source is None:
            return Fail("gone")
        if source.replaces(given.get("made_at", "")):
            return Fail("source_replaced")
        refusal = copy_refusal(
            source.engine, source.kind, source.state, encrypted=source.encrypted, key=given["key"], gone=False
        )
        if refusal:
            return Fail(refusal, detail={"aws_state": source.state})
        return too_late(one, now) or Go({"step": COPY})

    def after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        made = plan.snapshots.get(one.parameters["snapshot"])
        lost = one.state == State.UNKNOWN and not fresh(one, now)
        if made is None:
            return Go({"step": COPY}) if lost else Later("not_yet", LOOK_IN, {"step": COPY})
        if (verdict := self._judge(made, one)) is not None:
            return verdict
        if one.outcome_detail.get("step") == COPY:
            return Again("snapshot_copied", timedelta(0), {"snapshot": made.id})
        return Again("not_yet", timedelta(0)) if lost else Later("not_yet", LOOK_IN, {"step": UPGRADE})

    def send(
        self, plan: Plan, target: Target, one: Operation, still_ours: Callable[[], bool]
    ) -> tuple[CallResult, dict[str, Any]]:
        given, step = one.parameters, one.outcome_detail["step"]
        told = {"snapshot": given["snapshot"], "step": step}
        if step == UPGRADE:
            return snapshots.upgrade_snapshot(
                target,
                given["snapshot"],
                given["version"],
                given.get("option_group", ""),
                still_ours=still_ours,
            ), told
        tags = {OPERATION_TAG: str(one.id), "toban:database": given["database"], "toban:made-by": "toban"}
        return snapshots.copy_snapshot(
            target, given["source"], given["snapshot"], key=given["key"], tags=tags, still_ours=still_ours
        ), told

    def refused(self, plan: Plan, one: Operation, error: AwsError) -> Verdict:
        """The name is taken: by an earlier send of this one, or by somebody else; a look tells which."""
        if error.problem is Problem.EXISTS:
            return Later("snapshot_name_taken", timedelta(0))
        return after_error(error)

    def _judge(self, made: DbSnapshot, one: Operation) -> Verdict | None:
        """How it ended, or what it waits for; None where the next step is due."""
        told = {"snapshot": made.id, "aws_state": made.state}
        if made.tags.get(OPERATION_TAG) != str(one.id):
            return Fail("snapshot_name_taken", detail=told)
        if made.in_the_making:
            step = UPGRADE if made.state == "upgrading" else COPY
            code = "snapshot_upgrading" if step == UPGRADE else "snapshot_in_the_making"
            return Later(code, PAUSE, told | {"step": one.outcome_detail.get("step", step)})
        if made.state != COMPLETE:
            return Fail("snapshot_broken", detail=told)
        wanted = one.parameters["version"]
        return None if wanted and made.engine_version != wanted else Done("snapshot_copy_made", detail=told)
