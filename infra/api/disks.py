"""EBS snapshots whose volume is gone, and volumes that would be left without their server, over the API; money month by month."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.api.left_over import ONCE_MOST, AmountOut, DeletionsOut, KeptOut, MoneyOut
from infra.domain.leftovers import SNOOZE_MAX_DAYS
from infra.operations import staying, volume_snapshots
from infra.queries import leftover_months
from infra.queries import volume_snapshots as queries
from infra.queries.leftover_months import Month
from infra.queries.volume_snapshots import LeftSnapshot, Staying
from medical_audit.api.calls import Call, answers
from medical_audit.api.operations import ReasonIn


class LeftSnapshotOut(serializers.Serializer[LeftSnapshot]):
    """`amount`: the most that it costs a month in `currency`, null where nobody entered a price; `refusal`: why it must stay, or empty;
    `snoozed_until`: somebody wants it kept until then."""

    id = serializers.UUIDField(source="snapshot.id")
    snapshot_id = serializers.CharField(source="snapshot.snapshot_id")
    name = serializers.CharField(source="snapshot.name")
    account = serializers.CharField(source="snapshot.account.account_id")
    region = serializers.CharField(source="snapshot.region")
    volume_id = serializers.CharField(source="snapshot.volume_id")
    size_gib = serializers.IntegerField(source="snapshot.size_gib")
    state = serializers.CharField(source="snapshot.state")
    made_at = serializers.DateTimeField(source="snapshot.made_at", allow_null=True)
    served = serializers.CharField()
    project = serializers.CharField()
    owner = serializers.CharField()
    amount = serializers.DecimalField(max_digits=18, decimal_places=6, allow_null=True)
    currency = serializers.CharField(source="price.currency", default="")
    refusal = serializers.CharField()
    snoozed_until = serializers.DateTimeField(source="snapshot.snoozed_until", allow_null=True)
    snooze_reason = serializers.CharField(source="snapshot.snooze_reason")


class StayingOut(serializers.Serializer[Staying]):
    """A volume that would stay when its server is terminated; `refusal`: why that cannot be changed here, or empty."""

    id = serializers.UUIDField(source="volume.id")
    volume_id = serializers.CharField(source="volume.volume_id")
    name = serializers.CharField(source="volume.name")
    account = serializers.CharField(source="volume.account.account_id")
    region = serializers.CharField(source="volume.region")
    size_gib = serializers.IntegerField(source="volume.size_gib")
    instance = serializers.CharField(source="attachment.instance_id")  # type: ignore[assignment]
    instance_name = serializers.CharField(source="attachment.instance_name")
    device = serializers.CharField(source="attachment.device")
    project = serializers.CharField()
    amount = serializers.DecimalField(max_digits=18, decimal_places=6, allow_null=True)
    currency = serializers.CharField(source="price.currency", default="")
    refusal = serializers.CharField()


class KeepSnapshotsIn(ReasonIn):
    snapshots = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=ONCE_MOST)
    days = serializers.IntegerField(min_value=1, max_value=SNOOZE_MAX_DAYS)


class DeleteSnapshotsIn(ReasonIn):
    """`token`: the same one enters each deletion once."""

    snapshots = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=ONCE_MOST)
    token = serializers.RegexField(r"^[A-Za-z0-9_-]{8,64}$")


class TerminationIn(ReasonIn):
    """`on_termination`: whether the volumes go with their server or stay. `token`: the same one enters each change once."""

    volumes = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=ONCE_MOST)
    on_termination = serializers.ChoiceField(choices=[staying.GOES, staying.STAYS])
    token = serializers.RegexField(r"^[A-Za-z0-9_-]{8,64}$")


class ProjectAmountOut(AmountOut):
    project = serializers.CharField()


class LeftOverMonthOut(serializers.Serializer[Month]):
    """One month of left-over volumes at today's prices; `unpriced` have no price. `running`: it is not over yet."""

    begin = serializers.DateTimeField(source="span.begin")
    end = serializers.DateTimeField(source="span.end")
    running = serializers.BooleanField()
    volumes = serializers.IntegerField()
    unpriced = serializers.IntegerField()
    amounts = serializers.SerializerMethodField()
    projects = serializers.SerializerMethodField()

    @extend_schema_field(AmountOut(many=True))
    def get_amounts(self, month: Month) -> Any:
        pairs = [{"currency": currency, "amount": amount} for currency, amount in month.pairs]
        return AmountOut(pairs, many=True).data

    @extend_schema_field(ProjectAmountOut(many=True))
    def get_projects(self, month: Month) -> Any:
        rows = [
            {"project": project, "currency": currency, "amount": amount}
            for (project, currency), amount in sorted(month.by_project.items())
        ]
        return ProjectAmountOut(rows, many=True).data


@answers(LeftSnapshotOut, many=True)
def left_snapshot_list(call: Call) -> list[LeftSnapshot]:
    """List snapshots of volumes that exist no more, the 500 dearest first; those kept for now come last. `money/` counts all of them."""
    seen = queries.left_snapshots(actor=call.actor, now=call.now)
    return [*seen.rows, *seen.snoozed]


@answers(MoneyOut)
def left_snapshot_money(call: Call) -> Any:
    """See what snapshots of volumes that exist no more cost a month together, at most."""
    return queries.left_snapshots(actor=call.actor, now=call.now).total


@answers(KeptOut, takes=KeepSnapshotsIn)
def left_snapshot_keep(call: Call) -> dict[str, int]:
    """Leave snapshots alone for some days."""
    call.actor.require(Permission.VOLUME_DELETE, call.actor.tenant_id)
    given = call.given
    kept = volume_snapshots.snooze(
        given["snapshots"], days=given["days"], reason=given["reason"], actor=call.actor, now=call.now
    )
    return {"kept": kept}


@answers(DeletionsOut, takes=DeleteSnapshotsIn, status=201)
def left_snapshot_delete(call: Call) -> dict[str, Any]:
    """Enter the deletion of snapshots; another person confirms each."""
    call.actor.require(Permission.VOLUME_DELETE, call.actor.tenant_id)
    given = call.given
    entered, undone = volume_snapshots.enter_deletes(
        given["snapshots"], actor=call.actor, now=call.now, reason=given["reason"], token=given["token"]
    )
    return {"entered": entered, "undone": undone}


@answers(StayingOut, many=True)
def staying_list(call: Call) -> list[Staying]:
    """List volumes that would be left over when their server is terminated, by server."""
    return queries.staying(actor=call.actor)[0]


@answers(DeletionsOut, takes=TerminationIn, status=201)
def staying_change(call: Call) -> dict[str, Any]:
    """Enter that volumes go with their server, or stay, when that is terminated; another person confirms each."""
    call.actor.require(Permission.VOLUME_DELETE, call.actor.tenant_id)
    given = call.given
    entered, undone = staying.enter_changes(
        given["volumes"], given["on_termination"], actor=call.actor, now=call.now, reason=given["reason"],
        token=given["token"],
    )  # fmt: skip
    return {"entered": entered, "undone": undone}


@answers(LeftOverMonthOut, many=True)
def left_over_months(call: Call) -> list[Month]:
    """See what left-over volumes cost in each of the last twelve months, the oldest first."""
    zone = ZoneInfo(call.asked.tenant.time_zone)
    return list(leftover_months.trend(actor=call.actor, now=call.now, tz=zone).months)
