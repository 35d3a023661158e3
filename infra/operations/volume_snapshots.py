"""Snapshots of EBS volumes: kept as they were seen every few hours, and deleted where no volume of theirs is left.

A deletion is final. Whether an AMI is made of the snapshot, with whom it is shared, whether its volume is there after all and whether
it became the last copy of it is looked at right before the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.domain.permissions import Permission
from infra.aws import disks, ec2
from infra.domain.aws import AwsError, Problem, Target
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.domain.disks import COMPLETE, COPIED_FROM, EbsSnapshot, snapshot_deletion_refusal
from infra.domain.leftovers import SNOOZE_MAX_DAYS
from infra.models import Region, Volume, VolumeSnapshot
from infra.operations.batches import Undone, enter_each, limited
from infra.operations.tagging import LANE_CLASS, OF_SNAPSHOT
from infra.operations.verdicts import after_error, before_error, health_of, stops_the_rest, too_late
from infra.queries.targets import source_of, target_of
from medical_audit.domain.actor import Actor, EventDraft, Subject
from medical_audit.domain.canonical import utc_text
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
from medical_audit.operations.ledger import record_many
from medical_audit.queries.operations import open_by_target
from medical_audit.tenancy import tenant_scope

KIND = "volume_snapshot.delete"
#: The part of a look that could not be read.
PART = "volume_snapshots"
EVERY = timedelta(hours=6)
LOOK_IN, WAIT = timedelta(seconds=10), timedelta(seconds=60)
#: How long after a call AWS may still show what was before it.
SHOWN_AFTER = timedelta(seconds=60)
SEEN_FIELDS = (
    "volume_id", "name", "state", "size_gib", "tier", "description", "images", "tags", "made_at", "seen_at", "gone_at",
)  # fmt: skip
_KEYS = ("snapshot_id", "name", "volume_id", "size_gib", "made_at", "last_copy")


# -- as an inventory sees them -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """One reading; images: AMIs by snapshot, None where the role may not look at them."""

    snapshots: Sequence[EbsSnapshot]
    images: Mapping[str, list[str]] | None


def due(region: Region, now: datetime) -> bool:
    """Whether the last reading is some hours old, or from the future (the clock was put back)."""
    at = region.snapshots_at
    return at is None or not now - EVERY < at <= now


def read(target: Target) -> Read | None:
    """Ask AWS: the pages of the snapshots and of the AMIs. None: the role may not look, which is no fault where nobody chose so.

    Raises AwsError for anything else.
    """
    try:
        found = disks.list_snapshots(target)
    except AwsError as error:
        if error.problem is not Problem.PERMISSION:
            raise
        return None
    try:
        return Read(found, disks.images_of(target) if found else {})
    except AwsError as error:
        if error.problem is not Problem.PERMISSION:
            raise
        return Read(found, None)


def keep(region: Region, read: Read, *, looked_at: datetime, now: datetime) -> None:
    """Write what was read; the caller holds the region's row and saves `snapshots_at`. What an operation has seen since this look
    began stays as that saw it."""
    here = VolumeSnapshot.objects.filter(account=region.account, region=region.name)
    present = list(here.filter(Q(gone_at__isnull=True) | Q(seen_at__gt=looked_at)))
    newer = {row.snapshot_id for row in present if looked_at < row.seen_at <= now}
    known = {row.snapshot_id: row for row in present if row.gone_at is None}
    found = [one for one in read.snapshots if one.id not in newer]
    rows = {one.id: _row(region, one, read.images, known.get(one.id), looked_at) for one in found}
    changed = [row for name, row in rows.items() if name not in known or _told(row) != _told(known[name])]
    VolumeSnapshot.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["account", "region", "snapshot_id"], update_fields=SEEN_FIELDS,
        batch_size=500,
    )  # fmt: skip
    gone = [row.id for name, row in known.items() if name not in rows and name not in newer]
    here.filter(id__in=gone, seen_at__lt=looked_at).update(gone_at=now, state="gone")
    region.snapshots_at = now


def _row(
    region: Region,
    one: EbsSnapshot,
    images: Mapping[str, list[str]] | None,
    known: VolumeSnapshot | None,
    seen_at: datetime,
) -> VolumeSnapshot:
    found = images.get(one.id, []) if images is not None else (known.images if known else [])
    return VolumeSnapshot(
        tenant_id=region.tenant_id, account=region.account, region=region.name, snapshot_id=one.id, volume_id=one.volume_id,
        name=one.tags.get("Name", "").strip()[:300], state=one.state, size_gib=one.size_gib, tier=one.tier,
        description=one.description[:300], images=sorted(found), tags=one.tags, made_at=one.started_at, seen_at=seen_at, gone_at=None,
    )  # fmt: skip


def _told(row: VolumeSnapshot) -> tuple[Any, ...]:
    return row.state, row.size_gib, row.tier, row.tags, sorted(row.images), row.volume_id


# -- what people decide --------------------------------------------------------------------------------------------


def snooze(ids: Sequence[UUID], *, days: int, reason: str, actor: Actor, now: datetime) -> int:
    """Leave snapshots alone for some days; gives how many there were. Raises NotPermitted, Refused (bad_parameter, too_many)."""
    actor.require(Permission.VOLUME_DELETE, actor.tenant_id)
    limited(ids)
    if not 1 <= days <= SNOOZE_MAX_DAYS:
        raise Refused("bad_parameter", name="days", allowed=f"1-{SNOOZE_MAX_DAYS}")
    if not reason.strip():
        raise Refused("reason_missing")
    until = now + timedelta(days=days)
    with tenant_scope(actor.tenant_id):
        held = VolumeSnapshot.objects.filter(id__in=ids, gone_at__isnull=True).select_for_update(of=("self",))
        found = list(held.order_by("id"))
        drafts = [
            EventDraft(
                kind="snapshot.snoozed", actor=actor, at=now, subject=Subject("volume_snapshot", str(row.id), str(row)),
                reason=reason, detail={"snapshot": row.snapshot_id, "days": days, "until": utc_text(until)},
            )
            for row in found
        ]  # fmt: skip
        record_many(actor.tenant_id, drafts)
        VolumeSnapshot.objects.filter(id__in=[row.id for row in found]).update(
            snoozed_until=until, snooze_reason=reason, snoozed_by_name=actor.name
        )
    return len(found)


def enter_deletes(
    ids: Sequence[UUID], *, actor: Actor, now: datetime, reason: str, token: str
) -> tuple[list[Operation], list[Undone]]:
    """Enter the deletion of each, for another person to confirm; one that must stay holds back none of the others.

    The same token enters each once. Raises NotPermitted, Refused (too_many).
    """
    actor.require(Permission.VOLUME_DELETE, actor.tenant_id)
    return enter_each(ids, lambda one: enter_delete(one, actor=actor, now=now, reason=reason, token=token))


def enter_delete(pk: UUID, *, actor: Actor, now: datetime, reason: str, token: str = "") -> Operation:
    """Enter the deletion of a snapshot. Raises NotPermitted, NotFound, Refused (operation_open, gone, snapshot_of_backup,
    snapshot_of_image, snapshot_restorable, snapshot_busy, snapshot_copied, snapshot_of_volume, never_touch, toban_value)."""
    with tenant_scope(actor.tenant_id):
        row: VolumeSnapshot | None = VolumeSnapshot.objects.select_related("account").filter(id=pk).first()
        if row is None:
            raise NotFound(type="volume_snapshot", id=str(pk))
        actor.require(Permission.VOLUME_DELETE, actor.tenant_id)
        busy = open_by_target("volume_snapshot", [str(row.id)], actor=actor, beside=(OF_SNAPSHOT,))
        key = f"form/{actor.id}/{token}/{KIND}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if busy:
            raise Refused("operation_open", target=str(row))
        if refusal := snapshot_deletion_refusal(
            row.tags, row.images, row.state, row.made_at, now, gone=row.gone_at is not None
        ):
            raise Refused(refusal, target=str(row))
        if row.volume_id == COPIED_FROM:
            raise Refused("snapshot_copied", target=str(row))
        if Volume.objects.filter(volume_id=row.volume_id, gone_at__isnull=True).exists():
            raise Refused("snapshot_of_volume", target=str(row))
        lane = f"{row.account.account_id}/{row.region}/{LANE_CLASS}"
        parameters = {
            "snapshot_id": row.snapshot_id, "name": row.name, "volume_id": row.volume_id, "size_gib": row.size_gib,
            "made_at": row.made_at.isoformat() if row.made_at else "", "last_copy": _is_last(row),
        }  # fmt: skip
        target = OperationTarget("volume_snapshot", str(row.id), str(row), lane)
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def _is_last(row: VolumeSnapshot) -> bool:
    """Whether no other complete snapshot of its volume stays; one whose deletion somebody has entered does not count."""
    others = VolumeSnapshot.objects.filter(
        account=row.account, volume_id=row.volume_id, state=COMPLETE, gone_at__isnull=True
    ).exclude(id=row.id)
    ids = {str(pk) for pk in others.values_list("id", flat=True)}
    going = Operation.objects.filter(
        kind=KIND, target_type="volume_snapshot", state__in=OPEN, target_id__in=ids
    )
    return not row.volume_id or ids <= set(going.values_list("target_id", flat=True))


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _KEYS}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    last = "yes" if parameters["last_copy"] else "no"
    return {
        "sentence": KIND,
        "call": "ec2:DeleteSnapshot",
        "lane": target.lane,
        **parameters,
        "last_copy": last,
    }


@dataclass(slots=True)
class Plan:
    """Whom to ask, and what a look showed: the snapshots that exist, AMIs and accounts that use them, the volumes that are there and
    all complete snapshots of the volumes; `going`: those that another snapshot is to outlive."""

    target: Target | None
    found: Mapping[str, EbsSnapshot] = field(default_factory=dict)
    images: Mapping[str, list[str]] = field(default_factory=dict)
    shared: Mapping[str, list[str]] = field(default_factory=dict)
    volumes: Mapping[str, Any] = field(default_factory=dict)
    copies: Mapping[str, set[str]] = field(default_factory=dict)
    going: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


class DeleteExecutor:
    """Looks at the snapshot, its AMIs and its shares, deletes it, and looks whether it is gone."""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        account, region, _ = operations[0].lane.split("/")
        return Plan(target_of(account, region))

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
            target = replace(plan.target, source=source_of(one))
            try:
                result = disks.delete_snapshot(target, one.parameters["snapshot_id"], still_ours=still_ours)
            except GatewayLeaseLost as lost:
                raise LeaseLost(lane=one.lane) from lost
            errors.append(result.error)
            if result.error is None:
                verdicts[one.id] = Accepted(result.request_id, LOOK_IN)
                continue
            if result.error.problem is Problem.GONE:
                # Somebody was quicker, and it is gone as was wanted.
                plan.gone.add(one.target_id)
                verdicts[one.id] = Done("already")
                continue
            verdicts[one.id] = after_error(result.error)
            if stops_the_rest(result.error):
                rest = [row.id for row in operations if row.id not in verdicts]
                return Round(
                    verdicts | dict.fromkeys(rest, Later(str(result.error.problem), WAIT)), *health_of(errors)
                )
        return Round(verdicts, *health_of(errors))

    def remember(self, plan: Plan, now: datetime) -> None:
        """The page shows at once what is gone."""
        VolumeSnapshot.objects.filter(id__in=plan.gone, gone_at__isnull=True).update(
            gone_at=now, seen_at=now, state="gone"
        )

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
        ids = [one.parameters["snapshot_id"] for one in operations]
        try:
            plan.found = disks.snapshots_by_id(plan.target, ids)
            if before and plan.found:
                plan.images = disks.images_of(plan.target)
                plan.shared = {one: disks.shared_with(plan.target, one) for one in plan.found}
                wanted = [one.volume_id for one in plan.found.values() if one.volume_id]
                plan.volumes = ec2.describe_volumes(plan.target, wanted)
                plan.copies = {
                    volume: {one.id for one in every if one.state == COMPLETE}
                    for volume, every in disks.snapshots_of_volumes(plan.target, wanted).items()
                }
        except AwsError as error:
            verdict = before_error(error) if before else Later(str(error.problem), WAIT, seen=False)
            return Round(dict.fromkeys((one.id for one in operations), verdict), *health_of([error]))
        verdicts = {one.id: judge(one) for one in operations}
        plan.gone = {one.target_id for one in operations if isinstance(verdicts[one.id], Done)}
        return Round(verdicts, Health.GOOD)

    def _before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        seen = plan.found.get(one.parameters["snapshot_id"])
        if seen is None:
            return Done("already")
        if stays := self._stays(plan, seen, now) or too_late(one, now):
            return stays
        if not one.parameters["last_copy"]:
            # Two that were entered as "not the last" must not both go in one round.
            if not plan.copies.get(seen.volume_id, set()) - plan.going - {seen.id}:
                return Drop("snapshot_last_copy")
            plan.going.add(seen.id)
        return Go()

    @staticmethod
    def _stays(plan: Plan, seen: EbsSnapshot, now: datetime) -> Drop | None:
        """What speaks against its deletion by now."""
        images, shares = plan.images.get(seen.id, []), plan.shared.get(seen.id)
        if why := snapshot_deletion_refusal(seen.tags, images, seen.state, seen.started_at, now, gone=False):
            return Drop(why, {"names": images[:10]})
        if shares:
            return Drop("snapshot_shared", {"names": shares[:10]})
        return Drop("snapshot_of_volume") if seen.volume_id in plan.volumes else None

    @staticmethod
    def _after(plan: Plan, one: Operation, now: datetime) -> Verdict:
        if one.parameters["snapshot_id"] not in plan.found:
            return Done("snapshot_deleted")
        if one.state == State.UNKNOWN:
            return Go()
        fresh = one.called_at is not None and now - one.called_at < SHOWN_AFTER
        return Later("not_yet", LOOK_IN) if fresh else Fail("snapshot_stays")
