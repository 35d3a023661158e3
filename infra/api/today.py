"""Today over the API: what is on, what moves within the hour, what is wrong, what waits for me."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from infra.api.overrides import OverrideOut
from infra.api.resources import FindingOut, ReasonOut
from infra.queries.today import Drifted, Today, Upcoming, Wrong, today
from medical_audit.api.calls import Call, answers
from medical_audit.api.operations import OperationOut


class WrongOut(serializers.Serializer[Wrong]):
    """One thing that is wrong: an operation, a tag of a resource, or a region of an account that cannot be read."""

    operation = OperationOut(allow_null=True)
    resource = serializers.UUIDField(source="finding.resource_id", default=None, allow_null=True)
    finding = FindingOut(allow_null=True)
    account = serializers.CharField(source="region.account.account_id", default="")
    region = serializers.CharField(source="region.name", default="")
    problem = serializers.CharField(source="region.inventory_problem", default="")


class UpcomingOut(serializers.Serializer[Upcoming]):
    """What happens at one instant: `count` resources start or stop, some of them named; or an override ends (`override`: its id)."""

    at = serializers.DateTimeField()
    action = serializers.SerializerMethodField()
    count = serializers.IntegerField()
    names = serializers.SerializerMethodField()
    override = serializers.UUIDField(source="override.row.id", default=None, allow_null=True)

    @extend_schema_field(serializers.CharField())
    def get_action(self, row: Upcoming) -> str:
        return str(row.action) if row.action else ""

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_names(self, row: Upcoming) -> list[str]:
        return [str(one) for one in row.resources]


class DriftedOut(serializers.Serializer[Drifted]):
    """A resource that is otherwise than Toban left it."""

    resource = serializers.UUIDField(source="resource.id")
    name = serializers.SerializerMethodField()
    cause = serializers.SerializerMethodField()

    @extend_schema_field(serializers.CharField())
    def get_name(self, row: Drifted) -> str:
        return str(row.resource)

    @extend_schema_field(serializers.CharField())
    def get_cause(self, row: Drifted) -> str:
        return str(row.drift.cause)


class TodayOut(serializers.Serializer[Today]):
    """The first page: the newest few of each, and how many there are in all. `reason`: what kind of day it is."""

    date = serializers.DateField()
    reason = serializers.SerializerMethodField()
    counts = serializers.DictField(child=serializers.IntegerField())
    wrong = WrongOut(many=True)
    wrong_total = serializers.IntegerField()
    waiting = OperationOut(many=True)
    waiting_total = serializers.IntegerField()
    upcoming = UpcomingOut(many=True)
    upcoming_total = serializers.IntegerField()
    overrides = OverrideOut(many=True)
    overrides_total = serializers.IntegerField()
    drifted = DriftedOut(many=True)
    drifted_total = serializers.IntegerField()

    @extend_schema_field(ReasonOut)
    def get_reason(self, row: Today) -> dict[str, Any]:
        return dict(row.reason.as_json())


@answers(TodayOut)
def today_get(call: Call) -> Today:
    """See today at a glance: what is on, what moves next, what is wrong, what waits for me."""
    return today(actor=call.actor, now=call.now, zone=ZoneInfo(call.asked.tenant.time_zone))
