"""Whether a volume goes with its server: DeleteOnTermination of one attachment, changed by one call and verified by looking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.aws import disks, ec2
from infra.domain.aws import Attachment as AwsAttachment
from infra.domain.aws import AwsError, EbsVolume, Target
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.domain.tags import hands_off
from infra.models import Attachment, Volume
from infra.operations.batches import Undone, enter_each
from infra.operations.tagging import KIND as TAG_KIND
from infra.operations.tagging import LANE_CLASS
from infra.operations.verdicts import after_error, before_error, health_of, stops_the_rest, too_late
from infra.queries.targets import source_of, target_of
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
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.queries.operations import open_by_target
from medical_audit.tenancy import tenant_scope

KIND = "volume.termination"
LOOK_IN, WAIT = timedelta(seconds=5), timedelta(seconds=15)
#: How long after a call AWS may still show what was before it.
SHOWN_AFTER = timedelta(seconds=60)
GOES, STAYS = "goes", "stays"
_KEYS = ("volume_id", "instance_id", "device", "on_termination", "was")


def enter_change(
    volume_id: UUID, wish: str, *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter that a volume goes with its server (GOES) or stays when that is terminated (STAYS).

    Raises NotPermitted, NotFound, Refused (bad_parameter, operation_open, not_attached, multi_attached, nothing_changed,
    never_touch, toban_value).
    """
    if wish not in (GOES, STAYS):
        raise Refused("bad_parameter", name="on_termination", allowed=f"{GOES}, {STAYS}")
    with tenant_scope(actor.tenant_id):
        row: Volume | None = Volume.objects.select_related("account").filter(id=volume_id).first()
        if row is None:
            raise NotFound(type="volume", id=str(volume_id))
        actor.require(Permission.VOLUME_DELETE, actor.tenant_id)
        busy = open_by_target("volume", [str(row.id)], actor=actor, beside=(TAG_KIND,))
        key = f"form/{actor.id}/{token}/{KIND}/{row.id}" if token else None
        if before := entry.sent_before(key):
            return before
        if busy:
            raise Refused("operation_open", target=str(row))
        attached = list(Attachment.objects.filter(volume=row, until__isnull=True)[:2])
        if code := _refusal(row, attached, wish):
            raise Refused(code, target=str(row))
        lane = f"{row.account.account_id}/{row.region}/{LANE_CLASS}"
        parameters = {
            "volume_id": row.volume_id, "instance_id": attached[0].instance_id, "device": attached[0].device,
            "on_termination": wish, "was": _word(attached[0].delete_on_termination),
        }  # fmt: skip
        target = OperationTarget("volume", str(row.id), str(row), lane)
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def enter_changes(
    ids: Sequence[UUID], wish: str, *, actor: Actor, now: datetime, reason: str, token: str
) -> tuple[list[Operation], list[Undone]]:
    """The same for many; one that cannot be changed holds back none of the others. Raises NotPermitted, Refused (too_many)."""
    actor.require(Permission.VOLUME_DELETE, actor.tenant_id)
    return enter_each(
        ids, lambda one: enter_change(one, wish, actor=actor, now=now, reason=reason, token=token)
    )


def _refusal(row: Volume, attached: Sequence[Attachment], wish: str) -> str:
    if not attached or row.gone_at is not None:
        return "not_attached"
    if len(attached) > 1 or row.multi_attach:
        # It would go with the first of its servers that is terminated.
        return "multi_attached"
    unchanged = _word(attached[0].delete_on_termination) == wish
    return hands_off(row.tags) or ("nothing_changed" if unchanged else "")


def _word(deletes: bool) -> str:
    return GOES if deletes else STAYS


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: parameters[name] for name in _KEYS}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sentence": KIND, "call": "ec2:ModifyInstanceAttribute", "lane": target.lane, **parameters,
        "before": {"on_termination": parameters["was"]},
    }  # fmt: skip


@dataclass(slots=True)
class Plan:
    """Whom to ask, and what a look showed; `set`: attachments that are seen to be as wanted, (volume id, instance) to goes."""

    target: Target | None
    found: Mapping[str, EbsVolume] = field(default_factory=dict)
    set: dict[tuple[str, str], bool] = field(default_factory=dict)


class TerminationExecutor:
    """One call for each attachment, only while it is the one that was confirmed."""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        account, region, _ = operations[0].lane.split("/")
        return Plan(target_of(account, region))

    def check(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, now, before=True)

    def observe(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, now, before=False)

    def intend(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> None:
        """What it was stands in the operation's own parameters."""

    def call(self, plan: Plan, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        assert plan.target is not None
        verdicts: dict[UUID, Verdict] = {}
        errors: list[AwsError | None] = []
        for one in operations:
            given, target = one.parameters, replace(plan.target, source=source_of(one))
            try:
                result = disks.go_with_server(
                    target, given["instance_id"], given["device"], given["volume_id"],
                    goes=given["on_termination"] == GOES, still_ours=still_ours,
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
                return Round(
                    verdicts | dict.fromkeys(rest, Later(str(result.error.problem), WAIT)), *health_of(errors)
                )
        return Round(verdicts, *health_of(errors))

    def remember(self, plan: Plan, now: datetime) -> None:
        """The page shows at once how it is."""
        for (volume_id, instance), goes in plan.set.items():
            rows = Attachment.objects.filter(
                volume__volume_id=volume_id, instance_id=instance, until__isnull=True
            )
            rows.update(delete_on_termination=goes)
        Volume.objects.filter(volume_id__in=[volume_id for volume_id, _ in plan.set]).update(touched_at=now)

    def _look(self, plan: Plan, operations: Sequence[Operation], now: datetime, *, before: bool) -> Round:
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        try:
            plan.found = ec2.describe_volumes(
                plan.target, [one.parameters["volume_id"] for one in operations]
            )
        except AwsError as error:
            verdict = before_error(error) if before else Later(str(error.problem), WAIT, seen=False)
            return Round(dict.fromkeys((one.id for one in operations), verdict), *health_of([error]))
        judge = self._before if before else self._after
        return Round({one.id: judge(plan, one, now) for one in operations}, Health.GOOD)

    def _before(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        seen, volume = self._as_wanted(plan, one)
        if seen is None or volume is None:
            return Drop("attachment_changed")
        if why := hands_off(volume.tags):
            return Drop(why)
        if len(volume.attachments) > 1:
            return Drop("multi_attached")
        return Done("already") if seen else too_late(one, now) or Go()

    def _after(self, plan: Plan, one: Operation, now: datetime) -> Verdict:
        seen, _ = self._as_wanted(plan, one)
        if seen is None:
            return Fail("attachment_changed")
        if seen:
            return Done("termination_set")
        if one.state == State.UNKNOWN:
            return Go()
        fresh = one.called_at is not None and now - one.called_at < SHOWN_AFTER
        return Later("not_yet", LOOK_IN) if fresh else Fail("not_taken")

    @staticmethod
    def _as_wanted(plan: Plan, one: Operation) -> tuple[bool | None, EbsVolume | None]:
        """Whether the attachment is as wanted (None: there is no such attachment any more), and its volume."""
        given = one.parameters
        volume = plan.found.get(given["volume_id"])
        held: AwsAttachment | None = next(
            (
                other
                for other in (volume.attachments if volume else ())
                if (other.instance_id, other.device) == (given["instance_id"], given["device"])
            ),
            None,
        )
        if held is None:
            return None, volume
        wanted = given["on_termination"] == GOES
        if held.delete_on_termination == wanted:
            plan.set[given["volume_id"], given["instance_id"]] = wanted
        return held.delete_on_termination == wanted, volume
