"""Volumes that serve nothing over the API: what each costs, leaving some alone, deletion and coming back."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.models import Volume
from infra.operations import deleting, leftovers, restoring
from infra.queries import volumes
from infra.queries.leftovers import LeftOver, Money, left_overs
from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.domain.errors import NotFound

ONCE_MOST = 50


class LeftOverOut(serializers.Serializer[LeftOver]):
    """`amount`: what it costs a month in `currency`, null where nobody entered a price; `refusal`: why it cannot be deleted now;
    `owner`: whom to ask."""

    id = serializers.UUIDField(source="volume.id")
    volume_id = serializers.CharField(source="volume.volume_id")
    name = serializers.CharField(source="volume.name")
    account = serializers.CharField(source="volume.account.account_id")
    region = serializers.CharField(source="volume.region")
    size_gib = serializers.IntegerField(source="volume.size_gib")
    type = serializers.CharField(source="volume.type")
    served_name = serializers.CharField(source="volume.served_name")
    since = serializers.DateTimeField()
    project = serializers.CharField()
    owner = serializers.CharField()
    amount = serializers.DecimalField(max_digits=18, decimal_places=6, allow_null=True)
    currency = serializers.SerializerMethodField()
    advice = serializers.SerializerMethodField()
    refusal = serializers.CharField()
    snoozed_until = serializers.DateTimeField(source="volume.snoozed_until", allow_null=True)
    snooze_reason = serializers.CharField(source="volume.snooze_reason")

    @extend_schema_field(serializers.CharField())
    def get_currency(self, row: LeftOver) -> str:
        return row.price.currency if row.price else ""

    @extend_schema_field(serializers.CharField())
    def get_advice(self, row: LeftOver) -> str:
        return str(row.advice)


class AmountOut(serializers.Serializer[Any]):
    currency = serializers.CharField()
    amount = serializers.DecimalField(max_digits=18, decimal_places=6)


class MoneyOut(serializers.Serializer[Money]):
    """What volumes cost a month together, by currency; `unpriced` have no price."""

    volumes = serializers.IntegerField()
    gib = serializers.IntegerField()
    unpriced = serializers.IntegerField()
    amounts = serializers.SerializerMethodField()

    @extend_schema_field(AmountOut(many=True))
    def get_amounts(self, row: Money) -> list[dict[str, Any]]:
        return [{"currency": currency, "amount": str(amount)} for currency, amount in row.pairs]


class KeepIn(ReasonIn):
    volumes = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=ONCE_MOST)
    days = serializers.IntegerField(min_value=1, max_value=365)


class DeleteIn(ReasonIn):
    """`token`: the same one enters each deletion once."""

    volumes = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=ONCE_MOST)
    token = serializers.RegexField(r"^[A-Za-z0-9_-]{8,64}$")


class KeptOut(serializers.Serializer[Any]):
    kept = serializers.IntegerField()


class UndoneOut(serializers.Serializer[Any]):
    """One that was left out, and why; it held back none of the others."""

    name = serializers.CharField()
    code = serializers.CharField()


class DeletionsOut(serializers.Serializer[Any]):
    entered = OperationOut(many=True)
    undone = UndoneOut(many=True)


@answers(LeftOverOut, many=True)
def left_over_list(call: Call) -> list[LeftOver]:
    """List volumes that serve nothing for long, the 500 dearest first; those kept for now come last. `money/` counts all of them."""
    seen = left_overs(actor=call.actor, now=call.now)
    return [*seen.rows, *seen.snoozed]


@answers(MoneyOut)
def left_over_money(call: Call) -> Money:
    """See what left-over volumes cost a month together."""
    return left_overs(actor=call.actor, now=call.now).total


@answers(
    KeptOut,
    takes=KeepIn,
    example={"volumes": ["3f0b7d0e-2b6c-4d0a-9a57-0f3f8d1b6a11"], "days": 30, "reason": "移行の確認が終わるまで残すため"},
)  # fmt: skip
def left_over_keep(call: Call) -> dict[str, int]:
    """Leave volumes alone for some days."""
    call.actor.require(Permission.VOLUME_DELETE, call.actor.tenant_id)
    given = call.given
    kept = leftovers.snooze(
        given["volumes"], days=given["days"], reason=given["reason"], actor=call.actor, now=call.now
    )
    return {"kept": kept}


@answers(DeletionsOut, takes=DeleteIn, status=201)
def left_over_delete(call: Call) -> dict[str, Any]:
    """Enter the deletion of volumes, each after a complete snapshot; another person confirms each."""
    call.actor.require(Permission.VOLUME_DELETE, call.actor.tenant_id)
    given = call.given
    entered, undone = leftovers.enter_deletes(
        given["volumes"], actor=call.actor, now=call.now, reason=given["reason"], token=given["token"]
    )
    return {"entered": entered, "undone": undone}


@answers(OperationOut, takes=ReasonIn, status=201)
def volume_delete(call: Call, pk: UUID) -> Told:
    """Enter the deletion of one volume; another person confirms it."""
    _known(call, pk)
    entered = deleting.enter_delete(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ReasonIn, status=201)
def volume_restore(call: Call, pk: UUID) -> Told:
    """Enter that a volume which Toban deleted comes back from its snapshot; another person confirms it."""
    _known(call, pk)
    entered = restoring.enter_restore(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


class ServedOut(serializers.Serializer[Any]):
    instance = serializers.CharField(source="instance_id")
    name = serializers.CharField(source="instance_name")
    device = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)


class VolumeDetailOut(serializers.Serializer[volumes.VolumeDetail]):
    """One volume. `refusal`: why it could not be deleted now; `snapshot`: from which it could come back, `restored`: as what it did."""

    id = serializers.UUIDField(source="volume.id")
    volume_id = serializers.CharField(source="volume.volume_id")
    name = serializers.CharField(source="volume.name")
    state = serializers.CharField(source="volume.state")
    size_gib = serializers.IntegerField(source="volume.size_gib")
    type = serializers.CharField(source="volume.type")
    gone_at = serializers.DateTimeField(source="volume.gone_at", allow_null=True)
    unattached_since = serializers.DateTimeField(allow_null=True)
    served = ServedOut(many=True)
    refusal = serializers.CharField()
    snapshot = serializers.CharField()
    restored = serializers.CharField()
    may_delete = serializers.BooleanField()
    may_restore = serializers.BooleanField()


@answers(VolumeDetailOut)
def volume_get(call: Call, pk: UUID) -> volumes.VolumeDetail:
    """Get one volume with what it served."""
    return volumes.volume_detail(pk, actor=call.actor)


def _known(call: Call, pk: UUID) -> None:
    """Looked up before the right, so that nobody learns which ids there are."""
    if not Volume.objects.filter(id=pk).exists():
        raise NotFound(type="volume")
    call.actor.require(Permission.VOLUME_DELETE, call.actor.tenant_id)
