"""Snapshots that people make of databases, and their deletion: one call each, what AWS would refuse refused before it.

A snapshot carries its operation's id as a tag, so that a call whose answer was lost is known again. Toban deletes only what
it made (names that begin with "toban-"), which is all that its role may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.aws import snapshots
from infra.domain.aws import CallResult, Target
from infra.domain.database_names import SNAPSHOT_MAX, name_problem
from infra.domain.disks import OPERATION_TAG
from infra.domain.snapshots import (
    COMPLETE,
    PREFIX,
    SHARED,
    DbSnapshot,
    of_one_database,
    removal_refusal,
    snapshot_refusal,
)
from infra.models import AwsAccount, DatabaseSnapshot, Resource
from infra.models.resource import ResourceKind
from infra.operations.database_rounds import LANE_CLASS, LOOK_IN, PAUSE, DatabaseExecutor, Plan, fresh
from infra.operations.database_terms import keep_seen
from infra.operations.verdicts import too_late
from infra.queries.copies import other_copies, source_of
from infra.queries.standing import BESIDE
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.kinds import Done, Drop, Fail, Go, Later, OperationTarget, Verdict
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.queries.operations import open_by_target
from medical_audit.tenancy import tenant_scope

MAKE, DELETE = "rds.snapshot", "rds.snapshot_delete"
#: A snapshot of a large database takes hours.
VERIFY_WITHIN = timedelta(hours=24)
_MADE_KEYS = ("aws_id", "snapshot")
_GONE_KEYS = ("snapshot", "database", "made_at", "storage_gib", "last_copy")


# -- entering ------------------------------------------------------------------------------------------------------


def target_of_database(row: Resource) -> OperationTarget:
    """How an operation that changes more than whether a database runs names it."""
    facts = {
        "kind": row.kind, "gone": row.gone_at is not None, "aws_state": row.aws_state,
        "engine": row.facts.get("engine", ""), "cluster_id": row.facts.get("cluster_id", ""),
    }  # fmt: skip
    return OperationTarget("resource", str(row.id), row.name or row.aws_id, f"{row.lane}/{LANE_CLASS}", facts)


def make_refusal(row: Resource) -> str:
    """Why AWS would make no snapshot of it now (a code), or ""."""
    facts = row.facts
    return snapshot_refusal(
        facts.get("engine", ""), facts.get("cluster_id", ""), row.aws_state, row.gone_at is not None
    )


def enter_snapshot(
    resource_id: UUID, name: str, *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter a snapshot of a database. Raises NotPermitted, NotFound, Refused (why AWS would refuse, the name's problem,
    snapshot_not_ours, snapshot_name_taken, operation_open)."""
    with tenant_scope(actor.tenant_id):
        row = database_row(resource_id)
        actor.require(Permission.POWER_ENTER, actor.tenant_id)
        busy = open_by_target("resource", [str(row.id)], actor=actor, beside=BESIDE)
        key = f"form/{actor.id}/{token}/{MAKE}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        name = name.strip().lower()
        if problem := name_problem(name, SNAPSHOT_MAX):
            raise Refused(str(problem), target=name)
        if not name.startswith(f"{PREFIX}-"):
            raise Refused("snapshot_prefix", target=name)
        known = DatabaseSnapshot.objects.filter(account=row.account, region=row.region, name=name)
        if known.filter(gone_at__isnull=True).exists():
            raise Refused("snapshot_name_taken", target=name)
        if busy:
            raise Refused("operation_open", target=str(row))
        parameters = {"aws_id": row.aws_id, "snapshot": name}
        return entry.enter(
            MAKE, target_of_database(row), parameters, actor=actor, now=now, reason=reason, dedupe_key=key
        )


def enter_deletion(
    snapshot_id: UUID, *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter the deletion of a snapshot. Raises NotPermitted, NotFound, Refused (operation_open, snapshot_automated,
    snapshot_not_ours, never_touch, toban_value, snapshot_busy, gone)."""
    with tenant_scope(actor.tenant_id):
        row = snapshot_row(snapshot_id)
        actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
        busy = open_by_target("snapshot", [str(row.id)], actor=actor)
        key = f"form/{actor.id}/{token}/{DELETE}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if busy:
            raise Refused("operation_open", target=row.name)
        refusal = removal_refusal(
            row.name, row.kind, row.state, row.facts.get("tags", {}), row.gone_at is not None
        )
        target = OperationTarget(
            "snapshot", str(row.id), row.name, f"{row.lane}/{LANE_CLASS}", {"refusal": refusal}
        )
        parameters = {
            "snapshot": row.name, "database": row.database, "storage_gib": row.storage_gib,
            "made_at": made_at_of(row), "last_copy": last_copy(row),
        }  # fmt: skip
        return entry.enter(DELETE, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def last_copy(row: DatabaseSnapshot) -> bool:
    """Whether nothing else is left of its database: it is gone, and so is every other complete snapshot of it, or somebody has entered
    that it goes. One that another account shares is of that account's database, whatever that is called."""
    ids = {str(one.id) for one in other_copies(row)}
    going = Operation.objects.filter(kind=DELETE, target_type="snapshot", state__in=OPEN, target_id__in=ids)
    return source_of(row) is None and ids <= set(going.values_list("target_id", flat=True))


def database_row(resource_id: UUID) -> Resource:
    """A database with its account, gone ones too. Raises NotFound, also for what is no database instance."""
    rows = Resource.objects.select_related("account").filter(id=resource_id, kind=ResourceKind.RDS)
    row: Resource | None = rows.first()
    if row is None:
        raise NotFound(type="resource", id=str(resource_id))
    return row


def snapshot_row(snapshot_id: UUID) -> DatabaseSnapshot:
    row: DatabaseSnapshot | None = (
        DatabaseSnapshot.objects.select_related("account").filter(id=snapshot_id).first()
    )
    if row is None:
        raise NotFound(type="snapshot", id=str(snapshot_id))
    return row


def made_at_of(row: DatabaseSnapshot) -> str:
    """When it was made, by which another one that took its name since is known; "" where AWS did not say."""
    return row.made_at.isoformat() if row.made_at else ""


# -- the kinds -----------------------------------------------------------------------------------------------------


def clean_made(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(parameters[name]) for name in _MADE_KEYS}


def clean_gone(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _GONE_KEYS}


def shown_made(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": MAKE, "call": "rds:CreateDBSnapshot", "lane": target.lane, **parameters}


def shown_gone(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": DELETE, "call": "rds:DeleteDBSnapshot", "lane": target.lane, **parameters}


def refusal_made(target: OperationTarget, parameters: Mapping[str, Any]) -> str | None:
    facts = target.facts or {}
    found = snapshot_refusal(
        facts.get("engine", ""),
        facts.get("cluster_id", ""),
        facts.get("aws_state", ""),
        facts.get("gone", False),
    )
    return found or None


def refusal_gone(target: OperationTarget, parameters: Mapping[str, Any]) -> str | None:
    return str((target.facts or {}).get("refusal", "")) or None


class KeepingExecutor(DatabaseExecutor):
    """What was seen of a snapshot stands on the page at once."""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        plan = super().prepare(operations, now)
        plan.account = AwsAccount.objects.filter(account_id=operations[0].lane.split("/")[0]).first()
        return plan

    def snapshots_of(self, one: Operation) -> Sequence[str]:
        return (one.parameters["snapshot"],)

    def remember(self, plan: Plan, now: datetime) -> None:
        if plan.target is None or plan.account is None:
            return
        keep_seen(plan.account, plan.target.region, plan.snapshots.values(), now=now)
        gone = [name for name in plan.kept.values() if name not in plan.snapshots]
        here = DatabaseSnapshot.objects.filter(account=plan.account, region=plan.target.region, name__in=gone)
        here.filter(gone_at__isnull=True).update(gone_at=now, seen_at=now, state="gone")


class SnapshotExecutor(KeepingExecutor):
    """Make one, wait until it is complete."""

    def databases_of(self, one: Operation) -> Sequence[str]:
        return (one.parameters["aws_id"],)

    def before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        made = plan.snapshots.get(one.parameters["snapshot"])
        if made is not None:
            return self._judge(made, one)
        database = plan.databases.get(one.parameters["aws_id"].lower())
        if database is None:
            return Fail("gone")
        refusal = snapshot_refusal(database.engine, database.cluster_id, database.state, gone=False)
        if refusal == "state_changing":
            return too_late(one, now) or Later("in_transition", PAUSE, {"aws_state": database.state})
        return Fail(refusal, detail={"aws_state": database.state}) if refusal else too_late(one, now) or Go()

    def after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        made = plan.snapshots.get(one.parameters["snapshot"])
        if made is not None:
            return self._judge(made, one)
        return Later("not_yet", LOOK_IN) if fresh(one, now) or one.state != State.UNKNOWN else Go()

    def send(
        self, plan: Plan, target: Target, one: Operation, still_ours: Callable[[], bool]
    ) -> tuple[CallResult, dict[str, Any]]:
        given = one.parameters
        tags = {OPERATION_TAG: str(one.id), "toban:database": given["aws_id"], "toban:made-by": "toban"}
        result = snapshots.create_snapshot(
            target, given["aws_id"], given["snapshot"], tags, still_ours=still_ours
        )
        return result, {"snapshot": given["snapshot"]}

    def _judge(self, made: DbSnapshot, one: Operation) -> Verdict:
        told = {"snapshot": made.id, "aws_state": made.state}
        if made.tags.get(OPERATION_TAG) != str(one.id):
            return Fail("snapshot_name_taken", detail=told)
        if made.in_the_making:
            return Later("snapshot_in_the_making", PAUSE, told)
        return (
            Done("snapshot_made", detail=told)
            if made.state == COMPLETE
            else Fail("snapshot_broken", detail=told)
        )


@dataclass(slots=True)
class DeletionPlan(Plan):
    """copies: the complete snapshots; going: those that another copy is to outlive."""

    copies: list[DbSnapshot] = field(default_factory=list)
    going: set[str] = field(default_factory=set)


class DeletionExecutor(KeepingExecutor):
    """Delete one that Toban made, once; not what became the last copy since it was entered, nor another one that took its name."""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> DeletionPlan:
        plan = super().prepare(operations, now)
        return DeletionPlan(plan.target, account=plan.account)

    def databases_of(self, one: Operation) -> Sequence[str]:
        return (one.parameters["database"],)

    def look_more(self, plan: Plan, target: Target, operations: Sequence[Operation]) -> None:
        assert isinstance(plan, DeletionPlan)
        plan.copies = [
            seen for seen in snapshots.list_snapshots(target) if seen.state == COMPLETE and seen.kind != SHARED
        ]  # fmt: skip

    def before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        seen = self._seen(plan, one)
        if seen is None:
            return Done("already")
        if seen.replaces(one.parameters["made_at"]):
            return Drop("snapshot_replaced")
        if why := removal_refusal(seen.id, seen.kind, seen.state, seen.tags, gone=False):
            told = {"aws_state": seen.state}
            return Later(why, PAUSE, told) if why == "snapshot_busy" else Drop(why, told)
        if late := too_late(one, now):
            return late
        return Go() if self._outlived(plan, one, seen) else Drop("snapshot_last_copy")

    @staticmethod
    def _outlived(plan: Plan, one: Operation, seen: DbSnapshot) -> bool:
        """Whether something is left of its database without it, or people knew that nothing is."""
        assert isinstance(plan, DeletionPlan)
        named = plan.databases.get(one.parameters["database"].lower())
        alive = named is not None and of_one_database(
            seen.database, seen.source_id, named.id, named.resource_id
        )
        if one.parameters["last_copy"] or (alive and named is not None and named.state != "deleting"):
            return True
        # Two that were entered as "not the last" must not both go in one round.
        others = {
            copy.id for copy in plan.copies
            if of_one_database(seen.database, seen.source_id, copy.database, copy.source_id)
        }  # fmt: skip
        if not others - plan.going - {seen.id}:
            return False
        plan.going.add(seen.id)
        return True

    def after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        seen = self._seen(plan, one)
        if seen is None:
            return Done("snapshot_deleted")
        if one.state == State.UNKNOWN and not fresh(one, now):
            return Go()
        return Later("not_yet", LOOK_IN, {"aws_state": seen.state})

    def send(
        self, plan: Plan, target: Target, one: Operation, still_ours: Callable[[], bool]
    ) -> tuple[CallResult, dict[str, Any]]:
        return snapshots.delete_snapshot(target, one.parameters["snapshot"], still_ours=still_ours), {}

    def _seen(self, plan: Plan, one: Operation) -> DbSnapshot | None:
        plan.kept[one.id] = one.parameters["snapshot"]
        return plan.snapshots.get(one.parameters["snapshot"])
