"""Resources and volumes over the API: what there is, why it is on or off, when that changes; starting and stopping."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from infra.domain.schedule import Action
from infra.forms.fleet import RESOURCES, VOLUMES, resource_filter, volume_filter
from infra.models import Resource, Volume
from infra.models.account import Automation
from infra.operations import by_hand
from infra.queries import detail, resources, volumes
from infra.queries.resources import get_resource
from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.filters import listed
from medical_audit.api.operations import OperationOut, version_of
from medical_audit.domain.actor import Principal
from medical_audit.domain.errors import Refused
from medical_audit.forms import REASON_MAX, cursors_of
from medical_audit.queries.paging import Page

Json = dict[str, Any]


class ReasonOut(serializers.Serializer[Any]):
    """Why, as a code; the values that belong to it stand beside it, by their names."""

    code = serializers.CharField()


class ChangeOut(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    action = serializers.CharField()


class FindingOut(serializers.Serializer[Any]):
    """What cannot be read in a tag, and what would be right."""

    code = serializers.CharField()
    tag = serializers.CharField()
    value = serializers.CharField()
    suggestion = serializers.CharField()


class PlannedDayOut(serializers.Serializer[Any]):
    date = serializers.DateField()
    reason = ReasonOut()
    start = serializers.DateTimeField(allow_null=True)
    stop = serializers.DateTimeField(allow_null=True)
    start_skipped = ReasonOut(allow_null=True)


class ResourceFacts(serializers.Serializer[Any]):
    """What is known of every resource; rows are ResourceRow or Detail."""

    id = serializers.UUIDField(source="resource.id")
    kind = serializers.CharField(source="resource.kind")
    aws_id = serializers.CharField(source="resource.aws_id")
    name = serializers.CharField(source="resource.name")
    project = serializers.CharField(source="resource.project")
    account = serializers.CharField(source="resource.account.account_id")
    region = serializers.CharField(source="resource.region")
    type = serializers.CharField(source="resource.type")
    state = serializers.CharField(source="resource.state")
    aws_state = serializers.CharField(source="resource.aws_state")
    state_since = serializers.DateTimeField(source="resource.state_since")
    tags = serializers.DictField(source="resource.tags")
    scheduled = serializers.BooleanField(source="resource.scheduled")
    reason = serializers.SerializerMethodField()
    next_change = serializers.SerializerMethodField()
    automation = serializers.SerializerMethodField()
    hands_off = serializers.SerializerMethodField()
    drift = serializers.SerializerMethodField()

    @extend_schema_field(ReasonOut)
    def get_reason(self, row: Any) -> Json:
        return dict(_standing(row).reason.as_json())

    @extend_schema_field(ChangeOut(allow_null=True))
    def get_next_change(self, row: Any) -> Json | None:
        following = _standing(row).next
        return {"at": following.at, "action": str(following.action)} if following else None

    @extend_schema_field(bool)
    def get_automation(self, row: Any) -> bool:
        return bool(row.resource.account.automation == Automation.ON)

    @extend_schema_field(str)
    def get_hands_off(self, row: Any) -> str:
        return str(_standing(row).hands_off)

    @extend_schema_field(str)
    def get_drift(self, row: Any) -> str:
        return str(row.drift.cause) if row.drift else ""


class ResourceRowOut(ResourceFacts):
    """`reason`: why it is on or off now; `hands_off`: why Toban would not touch it; `drift`: it is otherwise than left."""

    needs_correction = serializers.BooleanField(source="finding")
    operation = serializers.SerializerMethodField()

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_operation(self, row: Any) -> str | None:
        return str(row.operation.id) if row.operation else None


class ResourceOut(ResourceFacts):
    """One resource with its coming days, what is wrong with its tags, and what is under way with it."""

    seen_at = serializers.DateTimeField(allow_null=True)
    findings = FindingOut(many=True)
    plan = serializers.SerializerMethodField()
    open_operations = serializers.SerializerMethodField()
    volumes = serializers.SerializerMethodField()

    @extend_schema_field(PlannedDayOut(many=True))
    def get_plan(self, row: detail.Detail) -> list[Json]:
        return [
            {
                "date": day.date,
                "reason": day.reason.as_json(),
                "start": day.start,
                "stop": day.stop,
                "start_skipped": day.start_skipped.as_json() if day.start_skipped else None,
            }
            for day in row.days
        ]

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_open_operations(self, row: detail.Detail) -> list[str]:
        return [str(one.id) for one in row.operations]

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_volumes(self, row: detail.Detail) -> list[str]:
        return [one.volume_id for one in row.volumes]


class VolumeOut(serializers.Serializer[Volume]):
    id = serializers.UUIDField()
    volume_id = serializers.CharField()
    name = serializers.CharField()
    account = serializers.CharField(source="account.account_id")
    region = serializers.CharField()
    state = serializers.CharField()
    size_gib = serializers.IntegerField()
    type = serializers.CharField()
    served_instance = serializers.CharField()
    served_name = serializers.CharField()
    served_device = serializers.CharField()
    detached_at = serializers.DateTimeField(allow_null=True)


class EnterIn(serializers.Serializer[Any]):
    """`on_behalf_of`: the id of the person for whom it is entered (代行入力), who must confirm it then."""

    kind = serializers.RegexField(r"^[a-z0-9]+\.[a-z]+$", max_length=60)
    resource = serializers.UUIDField()
    reason = serializers.CharField(max_length=REASON_MAX)
    on_behalf_of = serializers.CharField(max_length=64, default="", allow_blank=True)


def _standing(row: Any) -> Any:
    """Where a row of the list and a page of one resource keep how it stands."""
    return row.standing if isinstance(row, detail.Detail) else row


@answers(
    ResourceRowOut,
    paged=True,
    filters=listed(
        RESOURCES,
        state="How it stands.",
        kind="What it is.",
        account="The 12 digits of an AWS account.",
        project="A project's name; `-` for those without one.",
        schedule="`yes` or `no`: whether one is followed.",
        problem="`yes` or `no`: whether a tag cannot be read.",
        mark="What is out of the ordinary.",
        next="`hour`: what changes within 60 minutes.",
        q="Part of a name or id.",
    ),
)
def resource_list(call: Call) -> Page:
    """List resources by name, each with why it is on or off and what comes next."""
    wanted, cursors = resource_filter(call.query), cursors_of(call.query)
    return resources.list_resources(wanted, cursors, actor=call.actor, now=call.now)


@answers(ResourceOut)
def resource_get(call: Call, pk: UUID) -> detail.Detail:
    """Explain one resource: why it is on or off, what the coming days bring, what is wrong with it."""
    return detail.resource_detail(pk, actor=call.actor, now=call.now)


@answers(
    VolumeOut,
    paged=True,
    filters=listed(
        VOLUMES,
        state="How it stands.",
        account="The 12 digits of an AWS account.",
        named="`yes` or `no`: whether it has a Name tag.",
        q="Part of a name or id.",
    ),
)
def volume_list(call: Call) -> Page:
    """List EBS volumes, each with the server it serves or served."""
    return volumes.list_volumes(volume_filter(call.query), cursors_of(call.query), actor=call.actor)


@answers(
    OperationOut,
    takes=EnterIn,
    status=201,
    example={
        "kind": "ec2.start",
        "resource": "3f0b7d0e-2b6c-4d0a-9a57-0f3f8d1b6a11",
        "reason": "臨時の保守のため",
    },
)
def operation_enter(call: Call) -> Told:
    """Enter a start or stop of one resource; it is carried out once it is confirmed."""
    given = call.given
    resource: Resource = get_resource(given["resource"], actor=call.actor)
    service, _, name = given["kind"].partition(".")
    if name not in tuple(Action):
        raise Refused("unknown_kind", kind=given["kind"])
    if service != resource.kind:
        raise Refused("wrong_kind", kind=given["kind"])
    behalf = Principal(given["on_behalf_of"], "") if given["on_behalf_of"] else None
    (operation,) = by_hand.enter_by_hand(
        Action(name), [resource.id], actor=call.actor, now=call.now, reason=given["reason"], token="", behalf=behalf
    )  # fmt: skip
    return Told(operation, version_of(operation))
