"""Deleting a left-over EBS volume: a snapshot first, complete and tagged; then, and only then, the volume.

One operation, two calls. Which of them is next is never remembered but seen: the snapshot carries the operation's id as a
tag, so that a worker that died in between, or an answer that was lost, is settled by looking. Another person confirms it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.aws import disks, ec2
from infra.domain.aws import AwsError, EbsVolume, Problem, Target
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.domain.disks import COMPLETE, DELETING, PENDING, EbsSnapshot, deletion_refusal, snapshot_tags
from infra.models import Attachment, Volume
from infra.operations.tagging import KIND as TAG_KIND
from infra.operations.tagging import LANE_CLASS
from infra.operations.verdicts import after_error, before_error, health_of, stops_the_rest, too_late
from infra.queries.features import keys_doubt
from infra.queries.targets import source_of, target_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import LeaseLost, NotFound, Refused
from medical_audit.domain.kinds import (
    Accepted,
    Again,
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

KIND = "volume.delete"
#: A snapshot of a large volume takes hours.
GRACE = VERIFY_WITHIN = timedelta(hours=24)
LOOK_IN, SNAPSHOT_WAIT = timedelta(seconds=10), timedelta(seconds=60)
#: How long after a call AWS may still show what was before it.
SHOWN_AFTER = timedelta(seconds=60)
#: For so long nobody may have looked since the snapshot began: what something wrote meanwhile would be in no snapshot.
UNWATCHED_MAX = timedelta(minutes=10)
#: When a look last showed what its snapshot is of; it goes on counting through looks that AWS did not answer.
LOOKED = "looked_at"
_KEYS = ("volume_id", "name", "size_gib", "type", "served", "served_name", "unattached_at")
#: Outcomes of a step that is not the last one.
PATIENT = frozenset({"snapshot_pending", "snapshot_complete", str(Problem.THROTTLED)})


def target_of_volume(row: Volume) -> OperationTarget:
    """How the deletion names a volume. Needs `row.account`."""
    attached = Attachment.objects.filter(volume=row, until__isnull=True).exists()
    lane = f"{row.account.account_id}/{row.region}/{LANE_CLASS}"
    refusal = deletion_refusal(row.state, attached, row.tags, row.gone_at is not None)
    return OperationTarget("volume", str(row.id), row.name or row.volume_id, lane, {"refusal": refusal})


def enter_delete(volume_id: UUID, *, actor: Actor, now: datetime, reason: str, token: str = "") -> Operation:
    """Enter the deletion of a volume. Raises NotPermitted, NotFound, Refused (operation_open, volume_in_use, never_touch,
    toban_value, gone, volume_state)."""
    with tenant_scope(actor.tenant_id):
        row: Volume | None = Volume.objects.select_related("account").filter(id=volume_id).first()
        if row is None:
            raise NotFound(type="volume", id=str(volume_id))
        actor.require(Permission.VOLUME_DELETE, actor.tenant_id)
        # Asked before the form's own entry is looked for: that one is in nobody's way.
        busy = open_by_target("volume", [str(row.id)], actor=actor, beside=(TAG_KIND,))
        key = f"form/{actor.id}/{token}/{KIND}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if busy:
            raise Refused("operation_open", target=str(row))
        return entry.enter(
            KIND,
            target_of_volume(row),
            parameters_of(row),
            actor=actor,
            now=now,
            reason=reason,
            dedupe_key=key,
        )


def parameters_of(row: Volume) -> dict[str, Any]:
    """What a person confirms: the volume, and what it served."""
    since = row.detached_at or (row.first_seen_at if row.state == "available" else None)
    return {
        "volume_id": row.volume_id, "name": row.name, "size_gib": row.size_gib, "type": row.type,
        "served": row.served_instance, "served_name": row.served_name,
        "unattached_at": since.isoformat() if since else "",
    }  # fmt: skip


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _KEYS}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sentence": KIND, "call": "ec2:CreateSnapshot, ec2:DeleteVolume", "lane": target.lane, **parameters,
    }  # fmt: skip


def refusal(target: OperationTarget, parameters: Mapping[str, Any]) -> str | None:
    return str((target.facts or {}).get("refusal", "")) or None


@dataclass(slots=True)
class Plan:
    """Whom to ask, and what a look showed: volumes by id, snapshots by operation. taken: volumes (ids of their rows) whose
    deletion by some operation has begun. doubt: why nobody knows that an encrypted one could be brought back."""

    target: Target | None
    doubt: str = ""
    volumes: Mapping[str, EbsVolume] = field(default_factory=dict)
    snapshots: Mapping[str, EbsSnapshot] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    used: frozenset[str] = frozenset()
    taken: set[str] = field(default_factory=set)


class DeleteExecutor:
    """Snapshot, wait, delete: each step only after a look that shows the one before it done."""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        """Volumes that served an instance since their deletion was entered hold what no confirmer has seen."""
        account, region, _ = operations[0].lane.split("/")
        ids = {one.target_id: one.entered_at for one in operations}
        served = Attachment.objects.filter(volume_id__in=list(ids)).values_list("volume_id", "until")
        # Open: a look saw it attached since, for nothing that is attached is entered.
        used = {str(pk) for pk, until in served if until is None or until >= ids[str(pk)]}
        begun = Operation.objects.filter(
            kind=KIND, target_type="volume", target_id__in=list(ids), state__in=OPEN, called_at__isnull=False
        )
        taken = set(begun.values_list("target_id", flat=True))
        return Plan(target_of(account, region), keys_doubt(account, now), used=frozenset(used), taken=taken)

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
            target, snapshot = replace(plan.target, source=source_of(one)), plan.snapshots.get(str(one.id))
            try:
                result = _send(target, one, snapshot, still_ours)
            except GatewayLeaseLost as lost:
                raise LeaseLost(lane=one.lane) from lost
            errors.append(result.error)
            if result.error is None:
                verdicts[one.id] = Accepted(result.request_id, LOOK_IN, {"step": _step(snapshot)})
                continue
            verdicts[one.id] = self._refused(plan, one, result.error)
            if stops_the_rest(result.error):
                rest = [row.id for row in operations if row.id not in verdicts]
                later = Later(str(result.error.problem), SNAPSHOT_WAIT)
                return Round(verdicts | dict.fromkeys(rest, later), *health_of(errors))
        return Round(verdicts, *health_of(errors))

    @staticmethod
    def _refused(plan: Plan, one: Operation, error: AwsError) -> Verdict:
        """What an error of a call means; its snapshot is named whatever comes, so that it is found by who needs it."""
        told = _told(plan.snapshots.get(str(one.id)))
        if error.problem is Problem.GONE:
            # Somebody was quicker; what it held is in our snapshot, if there is one.
            plan.gone.add(one.parameters["volume_id"])
            return _gone(plan.snapshots.get(str(one.id)))
        verdict = after_error(error)
        return replace(verdict, detail={**told, **(verdict.detail or {})})

    def remember(self, plan: Plan, now: datetime) -> None:
        """The page shows at once what is gone."""
        rows = Volume.objects.filter(volume_id__in=plan.gone, gone_at__isnull=True)
        rows.update(gone_at=now, touched_at=now, state="gone", fingerprint="", naming="")

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
            plan.volumes = ec2.describe_volumes(
                plan.target, [one.parameters["volume_id"] for one in operations]
            )
            plan.snapshots = disks.snapshots_made_for(plan.target, [str(one.id) for one in operations])
        except AwsError as error:
            verdict = before_error(error) if before else Later(str(error.problem), SNAPSHOT_WAIT, seen=False)
            return Round({one.id: _unseen(one, verdict) for one in operations}, *health_of([error]))
        verdicts = {one.id: judge(one) for one in operations}
        plan.gone = {one.parameters["volume_id"] for one in operations if isinstance(verdicts[one.id], Done)}
        return Round(verdicts, Health.GOOD)

    def _before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        """What is looked at before either call."""
        volume, snapshot = plan.volumes.get(one.parameters["volume_id"]), plan.snapshots.get(str(one.id))
        if volume is None:
            return _gone(snapshot)
        if _going(volume, snapshot):
            return Later("volume_deleting", SNAPSHOT_WAIT, {**_told(snapshot), "aws_state": volume.state})
        why = deletion_refusal(volume.state, bool(volume.attachments), volume.tags, gone=False)
        # Two people may have entered it at one moment.
        second = snapshot is None and one.called_at is None and one.target_id in plan.taken
        checks = (
            (why, True),
            ("volume_used_meanwhile", one.target_id in plan.used),
            ("operation_open", second),
            ("volume_unwatched", snapshot is not None and _looked(one, now) != now),
            (plan.doubt, bool(volume.key_id)),
        )
        if speaks_against := next((code for code, holds in checks if code and holds), ""):
            told = {**_seen(snapshot, one, now), "aws_state": volume.state}
            if speaks_against == plan.doubt:
                told["keys"] = volume.key_id
            under_way = speaks_against == "proof_under_way"
            return Later(speaks_against, SNAPSHOT_WAIT, told) if under_way else Drop(speaks_against, told)
        if snapshot is None or (snapshot.state == COMPLETE and snapshot.volume_id == volume.id):
            plan.taken.add(one.target_id)
            return too_late(one, now) or Go(_told(snapshot))
        if snapshot.state == PENDING:
            return Later("snapshot_pending", SNAPSHOT_WAIT, _seen(snapshot, one, now))
        return Fail("snapshot_failed", detail=_told(snapshot))

    def _after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        """What a call has come to. That nothing is seen of it proves nothing for a while."""
        volume, snapshot = plan.volumes.get(one.parameters["volume_id"]), plan.snapshots.get(str(one.id))
        if volume is None:
            return _gone(snapshot)
        if _going(volume, snapshot):
            return Later("volume_deleting", LOOK_IN, {**_told(snapshot), "aws_state": volume.state})
        fresh = one.called_at is not None and now - one.called_at < SHOWN_AFTER
        if snapshot is None:
            return Later("not_yet", LOOK_IN) if fresh or one.state != State.UNKNOWN else Go()
        if snapshot.state == PENDING:
            return Again("snapshot_pending", SNAPSHOT_WAIT, _seen(snapshot, one, now))
        if snapshot.state != COMPLETE:
            return Fail("snapshot_failed", detail=_told(snapshot))
        first = one.state != State.UNKNOWN and one.outcome_detail.get("step") == "snapshot"
        again = Again("snapshot_complete", timedelta(0), _seen(snapshot, one, now))
        return Later("not_yet", LOOK_IN) if fresh and not first else again


def _send(
    target: Target, one: Operation, snapshot: EbsSnapshot | None, still_ours: Callable[[], bool]
) -> Any:
    given = one.parameters
    if snapshot is not None:
        return disks.delete_volume(target, given["volume_id"], still_ours=still_ours)
    name = given["name"] or given["served_name"] or given["volume_id"]
    tags = snapshot_tags(one.id, given["volume_id"], name, given["served"])
    return disks.create_snapshot(
        target,
        given["volume_id"],
        f"Toban: before deletion of {given['volume_id']}",
        tags,
        still_ours=still_ours,
    )


def _step(snapshot: EbsSnapshot | None) -> str:
    return "snapshot" if snapshot is None else "delete"


def _going(volume: EbsVolume, snapshot: EbsSnapshot | None) -> bool:
    """Whether AWS is just deleting it, by whose word ever, and our snapshot holds what it held."""
    return volume.state == DELETING and snapshot is not None and snapshot.state in (COMPLETE, PENDING)


def _gone(snapshot: EbsSnapshot | None) -> Verdict:
    """The end of one that exists no more; what it held is kept once its snapshot is complete, though the volume went before."""
    if snapshot is None:
        return Done("already")
    if snapshot.state == PENDING:
        return Later("snapshot_outlives", SNAPSHOT_WAIT, _told(snapshot))
    return (
        Done("deleted", detail=_told(snapshot))
        if snapshot.state == COMPLETE
        else Fail("snapshot_lost", detail=_told(snapshot))
    )


def _looked(one: Operation, now: datetime) -> datetime:
    """Until when it has been watched that nothing serves with the volume: now, or an earlier look after which nobody looked for too long.
    A call is made only after a look."""
    told = one.outcome_detail.get(LOOKED)
    looks = [one.called_at, datetime.fromisoformat(told) if told else None]
    last = max((at for at in looks if at is not None), default=None)
    return last if last is not None and now - last > UNWATCHED_MAX else now


def _seen(snapshot: EbsSnapshot | None, one: Operation, now: datetime) -> dict[str, str]:
    """What is told of a look that is not the last one."""
    return {**_told(snapshot), LOOKED: utc_text(_looked(one, now))} if snapshot else {}


def _unseen(one: Operation, verdict: Fail | Later) -> Fail | Later:
    told = {name: value for name, value in one.outcome_detail.items() if name == LOOKED}
    return replace(verdict, detail={**told, **(verdict.detail or {})})


def _told(snapshot: EbsSnapshot | None) -> dict[str, str]:
    return {"snapshot": snapshot.id, "progress": snapshot.progress} if snapshot else {}
