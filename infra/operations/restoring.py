"""A volume that Toban deleted comes back from the snapshot that was made before: a new volume with its name, type and tags.

AWS makes one volume however often the same operation asks (its id is the ClientToken), and the new volume carries the
operation's id as a tag, so that a worker that died in between, or an answer that was lost, is settled by looking.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.aws import disks, ec2
from infra.domain.aws import AwsError, EbsVolume, Target
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.domain.disks import ARCHIVE, COMPLETE, OPERATION_TAG, EbsSnapshot, restorable_as, restored_tags
from infra.models import Volume
from infra.operations.tagging import LANE_CLASS
from infra.operations.verdicts import after_error, before_error, health_of, stops_the_rest, too_late
from infra.queries.targets import source_of, target_of
from infra.queries.volumes import restore_refusal, snapshot_of, standing_restores, zones_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import LeaseLost, NotFound, Refused
from medical_audit.domain.kinds import (
    Accepted,
    Done,
    Drop,
    Fail,
    Go,
    Health,
    Later,
    OperationTarget,
    Round,
    Verdict,
)
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.queries.operations import open_by_target
from medical_audit.tenancy import tenant_scope

KIND = "volume.restore"
GRACE = VERIFY_WITHIN = timedelta(hours=2)
LOOK_IN, WAIT = timedelta(seconds=10), timedelta(seconds=30)
#: How long after a call AWS may not show yet what it made.
SHOWN_AFTER = timedelta(seconds=60)
READY = frozenset({"available", "in-use"})
_KEYS = (
    "from_snapshot", "volume_id", "name", "size_gib", "type", "iops", "throughput", "multi_attach", "zone", "zone_before",
    "served", "served_name",
)  # fmt: skip
PATIENT = frozenset({"volume_creating"})


def enter_restore(
    volume_id: UUID, *, actor: Actor, now: datetime, reason: str, token: str = "", zone: str = ""
) -> Operation:
    """Enter that a deleted volume comes back, also one that was brought back before and is gone again; zone: another Availability Zone than its own, chosen knowingly.

    Raises NotPermitted, NotFound, Refused (operation_open, not_deleted, nothing_to_restore, restored_already,
    snapshot_gone, snapshot_archived, bad_zone).
    """
    actor.require(Permission.VOLUME_DELETE, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row: Volume | None = Volume.objects.select_related("account").filter(id=volume_id).first()
        if row is None:
            raise NotFound(type="volume", id=str(volume_id))
        busy = open_by_target("volume", [str(row.id)], actor=actor)
        key = f"form/{actor.id}/{token}/{KIND}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if busy:
            raise Refused("operation_open", target=str(row))
        if row.gone_at is None:
            raise Refused("not_deleted")
        snapshot, restored = snapshot_of(row)
        if not snapshot:
            raise Refused("nothing_to_restore")
        if restored:
            raise Refused("restored_already")
        if refusal := restore_refusal(row, snapshot):
            raise Refused(refusal, target=snapshot)
        if zone and zone not in zones_of(row):
            raise Refused("bad_zone", target=zone)
        parameters = {
            "from_snapshot": snapshot, "volume_id": row.volume_id, "name": row.name or row.served_name, "size_gib": row.size_gib,
            **restorable_as(row.type, row.iops, row.throughput, shared=row.multi_attach),
            "zone": zone or row.zone, "zone_before": row.zone, "served": row.served_instance, "served_name": row.served_name,
        }  # fmt: skip
        lane = f"{row.account.account_id}/{row.region}/{LANE_CLASS}"
        target = OperationTarget("volume", str(row.id), row.name or row.volume_id, lane, {})
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _KEYS}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    moved = parameters["zone"] != parameters["zone_before"]
    given = {name: parameters[name] or "" for name in ("iops", "throughput")}
    return {
        "sentence": KIND, "call": "ec2:CreateVolume", "lane": target.lane, **parameters, **given,
        "before": {"zone": parameters["zone_before"]} if moved else {},
    }  # fmt: skip


@dataclass(slots=True)
class Plan:
    """Whom to ask, and what a look showed: the snapshots by id, what each operation has made. `tags`: those of the deleted
    volume, by operation; `taken`: deleted volumes (ids of their rows) that some operation brings back, or has and it still is there; `failed`: earlier
    operations of each that have failed, after which AWS may have made a volume all the same."""

    target: Target | None
    tags: Mapping[str, dict[str, str]]
    taken: set[str] = field(default_factory=set)
    failed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    snapshots: Mapping[str, EbsSnapshot] = field(default_factory=dict)
    made: Mapping[str, EbsVolume] = field(default_factory=dict)


class RestoreExecutor:
    """One call, and a volume that is there afterwards."""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        account, region, _ = operations[0].lane.split("/")
        rows = dict(
            Volume.objects.filter(id__in=[one.target_id for one in operations]).values_list("id", "tags")
        )
        tags = {
            str(one.id): restored_tags(one.id, rows.get(UUID(one.target_id), {}), one.parameters)
            for one in operations
        }
        begun = Operation.objects.filter(
            kind=KIND, target_type="volume", target_id__in=[one.target_id for one in operations], called_at__isnull=False
        )  # fmt: skip
        failed: dict[str, list[str]] = defaultdict(list)
        for pk, target_id in begun.filter(state=State.FAILED).values_list("id", "target_id"):
            failed[target_id].append(str(pk))
        taken = set(begun.filter(state__in=OPEN).values_list("target_id", flat=True))
        taken |= {one.target_id for one in standing_restores(begun)}
        return Plan(target_of(account, region), tags, taken, failed)

    def check(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, lambda one: self._before(plan, one, now), before=True)

    def observe(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, lambda one: self._after(plan, one, now), before=False)

    def intend(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> None:
        """Nothing of ours is overwritten."""

    def call(self, plan: Plan, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        assert plan.target is not None
        verdicts: dict[UUID, Verdict] = {}
        errors: list[AwsError | None] = []
        for one in operations:
            target, given = replace(plan.target, source=source_of(one)), one.parameters
            try:
                result = disks.create_volume(
                    target, given["from_snapshot"], zone=given["zone"], type_=given["type"], tags=plan.tags[str(one.id)],
                    token=str(one.id), still_ours=still_ours, iops=given["iops"], throughput=given["throughput"],
                    multi_attach=given["multi_attach"],
                )  # fmt: skip
            except GatewayLeaseLost as lost:
                raise LeaseLost(lane=one.lane) from lost
            errors.append(result.error)
            if result.error is None:
                verdicts[one.id] = Accepted(result.request_id, LOOK_IN)
                continue
            verdicts[one.id] = after_error(result.error)
            if stops_the_rest(result.error):
                rest = [row.id for row in operations if row.id not in verdicts]
                later = Later(str(result.error.problem), WAIT)
                return Round(verdicts | dict.fromkeys(rest, later), *health_of(errors))
        return Round(verdicts, *health_of(errors))

    def remember(self, plan: Plan, now: datetime) -> None:
        """The next inventory shows the new volume."""

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
        try:
            plan.snapshots = disks.snapshots_by_id(
                plan.target, [one.parameters["from_snapshot"] for one in operations]
            )
            asked = [str(one.id) for one in operations] + [pk for ids in plan.failed.values() for pk in ids]
            plan.made = ec2.volumes_tagged(plan.target, OPERATION_TAG, asked)
        except AwsError as error:
            verdict = before_error(error) if before else Later(str(error.problem), WAIT, seen=False)
            return Round(dict.fromkeys((one.id for one in operations), verdict), *health_of([error]))
        return Round({one.id: judge(one) for one in operations}, Health.GOOD)

    def _before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        if made := plan.made.get(str(one.id)):
            return _ended(made)
        snapshot = plan.snapshots.get(one.parameters["from_snapshot"])
        gone = snapshot is None or snapshot.state != COMPLETE
        if gone or (snapshot is not None and snapshot.tier == ARCHIVE):
            return Fail("snapshot_gone" if gone else "snapshot_archived")
        if late := too_late(one, now):
            return late
        if (before := self._made_before(plan, one)) is not None:
            same = before.zone == one.parameters["zone"]
            told = {"volume": before.id}
            return Done("restored", detail=told) if same else Drop("restored_already", told)
        # Two people may have entered it at one moment.
        if one.called_at is None and one.target_id in plan.taken:
            return Drop("restored_already")
        plan.taken.add(one.target_id)
        return Go()

    @staticmethod
    def _made_before(plan: Plan, one: Operation) -> EbsVolume | None:
        """What an operation that has failed left there all the same; what AWS itself calls broken does not count."""
        made = (plan.made.get(pk) for pk in plan.failed.get(one.target_id, ()))
        return next((volume for volume in made if volume is not None and volume.state != "error"), None)

    def _after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        if made := plan.made.get(str(one.id)):
            return _ended(made)
        fresh = one.called_at is not None and now - one.called_at < SHOWN_AFTER
        return Later("not_yet", LOOK_IN) if fresh or one.state != State.UNKNOWN else Go()


def _ended(made: EbsVolume) -> Verdict:
    told = {"volume": made.id}
    if made.state in READY:
        return Done("restored", detail=told)
    return (
        Fail("restore_failed", detail=told | ({"keys": made.key_id} if made.key_id else {}))
        if made.state == "error"
        else Later("volume_creating", LOOK_IN, told)
    )
