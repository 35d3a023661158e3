"""A database that was restored for a while goes again: the clock asks when its time is over, a person may earlier, and another
person confirms. Only what a restore of Toban's made, for a while, is removed here; nothing else is Toban's to delete.

What it was restored from is not lost: while that snapshot is there, none is made at the end; where it is gone, one is. What was
written into the database since is lost with it in the first case, and the confirmer is told so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from accounts.domain.permissions import Permission
from infra.aws import makings
from infra.domain.aws import CallResult, Database, Target
from infra.domain.database_names import SNAPSHOT_MAX
from infra.domain.databases import is_called_for_a_while
from infra.domain.disks import OPERATION_TAG
from infra.domain.snapshots import COMPLETE, PREFIX, has_no_final_snapshot
from infra.domain.tags import hands_off
from infra.models import DatabaseSnapshot, Region, Resource
from infra.models.resource import ResourceKind
from infra.operations.database_rounds import LOOK_IN, PAUSE, DatabaseExecutor, Plan, fresh
from infra.operations.snapshotting import database_row, made_at_of, target_of_database
from infra.operations.verdicts import too_late
from infra.queries.makings import REMOVE, asks_again_at, for_a_while, removals_of, restored_as
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import Done, Drop, Fail, Go, Later, OperationTarget, Verdict
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.queries.operations import open_by_target
from medical_audit.tenancy import tenant_scope

KIND = REMOVE
log = structlog.get_logger(__name__)
PERMISSIONS = frozenset({str(Permission.DATABASE_EDIT)})
VERIFY_WITHIN = timedelta(hours=24)
#: How long people may take to decide before they are asked anew.
DECIDE_WITHIN = timedelta(days=7)
_KEYS = ("aws_id", "restored", "snapshot", "made_at", "until_at", "final_snapshot")
_REMOVABLE = frozenset(
    {"available", "stopped", "storage-full", "failed", "incompatible-network", "incompatible-restore"}
)
PATIENT = frozenset({"in_transition", "database_going"})


def enter_removal(
    resource_id: UUID, *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter that a database that was restored for a while goes. Raises NotPermitted, NotFound, Refused (not_a_test_restore,
    name_of_before, gone, never_touch, toban_value, operation_open, no_final_snapshot)."""
    with tenant_scope(actor.tenant_id):
        row = database_row(resource_id)
        actor.require(Permission.DATABASE_EDIT, actor.tenant_id)
        busy = open_by_target("resource", [str(row.id)], actor=actor)
        key = f"form/{actor.id}/{token}/{KIND}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        restored = restored_as(row)
        if restored is None:
            raise Refused("not_a_test_restore", target=str(row))
        if not is_called_for_a_while(row.aws_id):
            raise Refused("name_of_before", target=str(row))
        if row.gone_at is not None:
            raise Refused("gone", target=str(row))
        if code := hands_off(row.tags):
            raise Refused(code, target=str(row))
        if busy:
            raise Refused("operation_open", target=str(row))
        parameters = parameters_of(row, restored)
        if parameters["final_snapshot"] and has_no_final_snapshot(row.aws_state):
            raise Refused("no_final_snapshot", target=str(row))
        return entry.enter(
            KIND, target_of_database(row), parameters, actor=actor, now=now, reason=reason, dedupe_key=key
        )


def parameters_of(row: Resource, restored: Operation) -> dict[str, Any]:
    given = restored.parameters
    here = DatabaseSnapshot.objects.filter(account=row.account, region=row.region, name=given["snapshot"])
    kept = any(
        made_at_of(one) == given.get("made_at", made_at_of(one)) for one in here.filter(gone_at__isnull=True)
    )
    return {
        "aws_id": row.aws_id, "restored": str(restored.id), "snapshot": given["snapshot"], "made_at": given.get("made_at", ""),
        "until_at": given["until_at"],
        "final_snapshot": "" if kept else final_name(row.aws_id, restored.id),
    }  # fmt: skip


def final_name(database: str, restored: UUID) -> str:
    """The one name of the snapshot at the end, however often the removal is tried."""
    return f"{PREFIX}-final-{database.lower()}-{restored.hex[:8]}"[:SNAPSHOT_MAX]


def ask_for_removals(region: Region, *, actor: Actor, now: datetime) -> list[Operation]:
    """Ask people to confirm the removal of everything here whose time is over; asked again a day after they turned it down or let
    it lie. Those whose name is of before are people's to delete at AWS: the role may not. Of an account that is only observed nobody is
    asked: what deletes databases is sent to none, whoever made them. One that cannot be entered keeps neither the others nor the look
    that asks from being kept. Needs the tenant bound, and `region.account`."""
    if region.account.only_observed:
        return []
    here = Resource.objects.filter(
        account=region.account, region=region.name, kind=ResourceKind.RDS, gone_at__isnull=True, tags__has_key=OPERATION_TAG
    ).select_related("account")  # fmt: skip
    # By its name, too: AWS copies tags to what is made of it.
    rows = {(row.tags[OPERATION_TAG], row.aws_id.lower()): row for row in here}
    if not rows:
        return []
    over = [
        one
        for one in for_a_while()
        if _key(one) in rows
        and is_called_for_a_while(one.parameters["aws_id"])
        and datetime.fromisoformat(one.parameters["until_at"]) <= now
    ]
    last = removals_of(over) if over else {}
    busy = set(
        Operation.objects.filter(target_type="resource", state__in=OPEN, target_id__in=[str(row.id) for row in rows.values()])
        .values_list("target_id", flat=True)
    ) if over else set()  # fmt: skip
    asked = []
    for one in over:
        row = rows[_key(one)]
        if str(row.id) in busy or hands_off(row.tags):
            continue
        if asks_again_at(last.get(str(one.id)), now):
            try:
                asked.append(
                    entry.enter(
                        KIND, target_of_database(row), parameters_of(row, one), actor=actor, now=now, reason=one.reason
                    )
                )  # fmt: skip
            except Refused as why:
                log.warning("removal_not_asked", resource=str(row.id), restored=str(one.id), code=why.code)
    return asked


def _key(restored: Operation) -> tuple[str, str]:
    return str(restored.id), restored.parameters["aws_id"]


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(parameters[name]) for name in _KEYS}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": KIND, "call": "rds:DeleteDBInstance", "lane": target.lane, **parameters}


class RemovalExecutor(DatabaseExecutor):
    """Look that it is still the one that was restored, and that its data are elsewhere; remove it once."""

    snapshot_kind = ""

    def databases_of(self, one: Operation) -> Sequence[str]:
        return (one.parameters["aws_id"],)

    def snapshots_of(self, one: Operation) -> Sequence[str]:
        return (one.parameters["snapshot"],)

    def before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        seen = plan.databases.get(one.parameters["aws_id"].lower())
        if seen is None:
            return Done("already")
        if seen.tags.get(OPERATION_TAG) != one.parameters["restored"]:
            return Drop("not_a_test_restore", {"aws_state": seen.state})
        if not is_called_for_a_while(seen.id):
            return Drop("name_of_before", {"aws_state": seen.state})
        if code := hands_off(seen.tags):
            return Drop(code, {"aws_state": seen.state})
        return self._held(plan, one, seen) or too_late(one, now) or Go()

    def _held(self, plan: Plan, one: Operation, seen: Database) -> Verdict | None:
        """What keeps it from going now, or for good."""
        kept, final = plan.snapshots.get(one.parameters["snapshot"]), one.parameters["final_snapshot"]
        if kept is not None and kept.replaces(one.parameters.get("made_at", "")):
            kept = None
        told = {"aws_state": seen.state}
        refusals = (
            ("database_protected", seen.protected),
            ("final_snapshot_needed", not final and (kept is None or kept.state != COMPLETE)),
            ("snapshot_needs_running", bool(final) and seen.state == "stopped"),
            ("no_final_snapshot", bool(final) and has_no_final_snapshot(seen.state)),
        )
        if code := next((code for code, holds in refusals if holds), ""):
            return Fail(code, detail=told)
        if seen.state == "deleting":
            return Later("database_going", PAUSE, told)
        return None if seen.state in _REMOVABLE else Later("in_transition", PAUSE, told)

    def after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        seen = plan.databases.get(one.parameters["aws_id"].lower())
        if seen is None:
            return Done("database_removed", detail={"snapshot": one.parameters["final_snapshot"]})
        if seen.state == "deleting":
            return Later("database_going", PAUSE, {"aws_state": seen.state})
        return Later("not_yet", LOOK_IN) if fresh(one, now) or one.state != State.UNKNOWN else Go()

    def send(
        self, plan: Plan, target: Target, one: Operation, still_ours: Callable[[], bool]
    ) -> tuple[CallResult, dict[str, Any]]:
        given = one.parameters
        return makings.remove(
            target, given["aws_id"], final_snapshot=given["final_snapshot"], still_ours=still_ours
        ), {}
