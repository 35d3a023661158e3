"""The Name of a server on its volumes (EBS tagging): entered after each inventory, called once per distinct Name."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra.aws import ec2
from infra.aws.batches import not_sent
from infra.domain.aws import AwsError, CallResult, EbsVolume, Target
from infra.domain.aws import LeaseLost as GatewayLeaseLost
from infra.models import Region, Volume
from infra.models.account import Automation
from infra.models.volume import Naming
from infra.operations.verdicts import after_error, before_error, health_of, stops_the_rest, too_late
from infra.queries.authority import account_authority
from infra.queries.targets import source_of, target_of
from medical_audit.domain.actor import schedule_actor
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import LeaseLost
from medical_audit.domain.kinds import (
    Authority,
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
from medical_audit.models import Operation
from medical_audit.operations.automatic import Due, enter_due
from medical_audit.tenancy import tenant_scope

KIND = "ebs.tag"
#: Tagging has lanes of its own, served by background workers: a server never waits for a label.
LANE_CLASS = "tags"
VALUE_MAX = 256


def enter_tagging(tenant_id: UUID, region_id: UUID, *, now: datetime) -> int:
    """Enter one operation per attached volume without a Name whose server has one; a volume is tried once a day."""
    with tenant_scope(tenant_id):
        region = Region.objects.select_related("account").get(id=region_id)
        authority = account_authority(region.account, "ebs_tagging")
        if authority is None:
            return 0
        wanting = Volume.objects.filter(
            account=region.account, region=region.name, naming=Naming.DUE, gone_at__isnull=True
        ).exclude(served_name="")
        dues = [_due(row, region, authority, now) for row in wanting]
        keys = [due.dedupe_key for due in dues]
        tried = set(Operation.objects.filter(dedupe_key__in=keys).values_list("dedupe_key", flat=True))
        dues = [due for due in dues if due.dedupe_key not in tried]
        if not dues:
            return 0
        actor = schedule_actor(tenant_id, "ebs_tagging", frozenset({"volume.tag"}))
        return len(enter_due(dues, actor=actor, now=now))


def _due(row: Volume, region: Region, authority: Authority, now: datetime) -> Due:
    """The key holds what is missing since when, and for whom: re-attached elsewhere is another matter, a failure is
    tried again the next day."""
    lane = f"{region.account.account_id}/{region.name}/{LANE_CLASS}"
    since = utc_text(row.name_missing_since or now)
    return Due(
        kind=KIND,
        target=OperationTarget("volume", str(row.id), row.volume_id, lane),
        parameters={
            "volume_id": row.volume_id,
            "value": row.served_name[:VALUE_MAX].rstrip(),
            "instance_id": row.served_instance,
        },
        due_at=now,
        dedupe_key=f"{KIND}/{row.id}/{since}/{row.served_instance}/{now:%Y-%m-%d}",
        authority=authority,
        reason={"source": "ebs_tagging", "instance": row.served_instance},
    )


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(parameters[name]) for name in ("volume_id", "value", "instance_id")}


@dataclass(slots=True)
class Plan:
    target: Target | None
    on: bool
    named: dict[UUID, str] = field(default_factory=dict)


class TagExecutor:
    """Writes the tag Name on volumes that have none, never over an existing one."""

    def prepare(self, operations: Sequence[Operation], now: datetime) -> Plan:
        account, region, _ = operations[0].lane.split("/")
        row = (
            Region.objects.select_related("account").filter(account__account_id=account, name=region).first()
        )
        return Plan(target_of(account, region), row is not None and row.account.automation == Automation.ON)

    def check(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        if not plan.on:
            return Round({one.id: Drop("automation_off") for one in operations}, Health.UNTOUCHED)
        return self._look(plan, operations, now, before=True)

    def observe(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> Round:
        return self._look(plan, operations, now, before=False)

    def intend(self, plan: Plan, operations: Sequence[Operation], now: datetime) -> None:
        """Nothing is overwritten."""

    def call(self, plan: Plan, operations: Sequence[Operation], still_ours: Callable[[], bool]) -> Round:
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        by_value: dict[tuple[str, str], dict[str, UUID]] = defaultdict(dict)
        for one in operations:
            by_value[source_of(one), one.parameters["value"]][one.parameters["volume_id"]] = one.id
        verdicts: dict[UUID, Verdict] = {}
        errors: list[AwsError | None] = []
        stopped_by: AwsError | None = None
        for (source, value), ids in by_value.items():
            if stopped_by is not None:
                verdicts |= dict.fromkeys(ids.values(), after_error(not_sent(stopped_by)))
                continue
            for volume_id, result in self._send(
                replace(plan.target, source=source), list(ids), value, still_ours, operations[0].lane
            ).items():
                errors.append(result.error)
                if result.error is None:
                    plan.named[ids[volume_id]] = value
                    verdicts[ids[volume_id]] = Done("tagged", result.request_id, {"Name": value})
                else:
                    verdicts[ids[volume_id]] = after_error(result.error)
                    stopped_by = result.error if stops_the_rest(result.error) else stopped_by
        return Round(verdicts, *health_of(errors))

    @staticmethod
    def _send(
        target: Target, ids: list[str], value: str, still_ours: Callable[[], bool], lane: str
    ) -> dict[str, CallResult]:
        try:
            return ec2.tag(target, ids, {"Name": value}, still_ours=still_ours)
        except GatewayLeaseLost as lost:
            raise LeaseLost(lane=lane) from lost

    def remember(self, plan: Plan, now: datetime) -> None:
        """The page shows the new Name at once; the next inventory compares anew."""
        if not plan.named:
            return
        targets = Operation.objects.filter(id__in=plan.named).values_list("id", "target_id")
        names = {target: plan.named[operation] for operation, target in targets}
        rows = list(Volume.objects.filter(id__in=names).select_for_update(of=("self",)).order_by("id"))
        for row in rows:
            row.name, row.naming, row.name_missing_since, row.fingerprint = (
                names[str(row.id)],
                Naming.NAMED,
                None,
                "",
            )
            row.tags = row.tags | {"Name": row.name}
        Volume.objects.bulk_update(
            rows, ["name", "naming", "name_missing_since", "fingerprint", "tags"], batch_size=200
        )

    def _look(self, plan: Plan, operations: Sequence[Operation], now: datetime, *, before: bool) -> Round:
        if plan.target is None:
            return Round({one.id: Fail("no_trust") for one in operations}, Health.UNTOUCHED)
        try:
            found = ec2.describe_volumes(plan.target, [one.parameters["volume_id"] for one in operations])
        except AwsError as error:
            verdict = (
                before_error(error)
                if before
                else Later(str(error.problem), timedelta(seconds=15), seen=False)
            )
            return Round(dict.fromkeys((one.id for one in operations), verdict), *health_of([error]))
        verdicts = {
            one.id: self._judge(one, found.get(one.parameters["volume_id"]), now, before=before)
            for one in operations
        }
        plan.named.update(
            {one.id: one.parameters["value"] for one in operations if isinstance(verdicts[one.id], Done)}
        )
        return Round(verdicts, Health.GOOD)

    @staticmethod
    def _judge(operation: Operation, volume: EbsVolume | None, now: datetime, *, before: bool) -> Verdict:
        if volume is None:
            return Fail("gone")
        name = volume.name.strip()
        if name == operation.parameters["value"]:
            return Done("already" if before else "tagged")
        if name:
            return (
                Drop("name_present", detail={"Name": name})
                if before
                else Fail("name_present", detail={"Name": name})
            )
        if before and operation.parameters["instance_id"] not in {
            one.instance_id for one in volume.attachments
        }:
            return Drop("attachment_changed")
        return (too_late(operation, now) if before else None) or Go()
