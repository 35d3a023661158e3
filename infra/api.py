"""REST, first form: resources, volumes, and operations as a list and by entry."""

import re
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from infra.domain.schedule import Action
from infra.forms.fleet import resource_filter, volume_filter
from infra.models import Resource, Volume
from infra.models.account import Automation
from infra.operations import by_hand
from infra.queries import detail, resources, volumes
from infra.queries.resources import get_resource
from medical_audit.api import OperationOut, listed, operation_page, parsed
from medical_audit.domain.errors import Refused
from medical_audit.forms import REASON_MAX, cursors_of
from medical_audit.requests import of_tenant

#: What a client may send as `Idempotency-Key`.
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")


class ResourceOut(serializers.Serializer[Resource]):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    aws_id = serializers.CharField()
    name = serializers.CharField()
    project = serializers.CharField()
    account = serializers.CharField(source="account.account_id")
    region = serializers.CharField()
    type = serializers.CharField()
    state = serializers.CharField()
    aws_state = serializers.CharField()
    state_since = serializers.DateTimeField()
    tags = serializers.JSONField()
    scheduled = serializers.BooleanField()


class ResourceRowOut(serializers.Serializer[Any]):
    """A resource with what its list says of it."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        following = instance.next
        return dict(ResourceOut(instance.resource).data) | {
            "reason": instance.reason.as_json(),
            "next_change": {"at": following.at, "action": following.action} if following else None,
            "automation": instance.resource.account.automation == Automation.ON,
            "hands_off": instance.hands_off,
            "drift": str(instance.drift.cause) if instance.drift else "",
            "needs_correction": instance.finding,
            "operation": str(instance.operation.id) if instance.operation else None,
        }


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
    detached_at = serializers.DateTimeField()


class EnterIn(serializers.Serializer[Any]):
    kind = serializers.RegexField(r"^[a-z0-9]+\.[a-z]+$", max_length=60)
    resource = serializers.UUIDField()
    reason = serializers.CharField(max_length=REASON_MAX)


@api_view(["GET"])
def resource_list(request: Request, slug: str) -> Response:
    asked = of_tenant(request)
    page = resources.list_resources(
        resource_filter(asked.GET), cursors_of(asked.GET), actor=asked.actor, now=asked.now
    )
    return listed(page, ResourceRowOut)


@api_view(["GET"])
def resource_detail(request: Request, slug: str, pk: UUID) -> Response:
    asked = of_tenant(request)
    seen = detail.resource_detail(pk, actor=asked.actor, now=asked.now)
    following = seen.standing.next
    return Response(
        dict(ResourceOut(seen.resource).data)
        | {
            "reason": seen.standing.reason.as_json(),
            "next_change": {"at": following.at, "action": following.action} if following else None,
            "automation": not seen.standing.observed,
            "seen_at": seen.seen_at,
            "findings": [
                {"code": one.code, "tag": one.tag, "value": one.value, "suggestion": one.suggestion}
                for one in seen.findings
            ],
            "plan": [
                {
                    "date": day.date,
                    "reason": day.reason.as_json(),
                    "start": day.start,
                    "stop": day.stop,
                    "start_skipped": day.start_skipped.as_json() if day.start_skipped else None,
                }
                for day in seen.days
            ],
            "open_operations": [str(one.id) for one in seen.operations],
            "volumes": [one.volume_id for one in seen.volumes],
        }
    )


@api_view(["GET"])
def volume_list(request: Request, slug: str) -> Response:
    asked = of_tenant(request)
    return listed(
        volumes.list_volumes(volume_filter(asked.GET), cursors_of(asked.GET), actor=asked.actor), VolumeOut
    )


@api_view(["GET", "POST"])
def operation_list(request: Request, slug: str) -> Response:
    """GET lists; POST enters a start or stop of one resource (201). A repeated `Idempotency-Key` enters once."""
    if request.method == "GET":
        return operation_page(request)
    asked = of_tenant(request)
    given = parsed(request, EnterIn)
    resource = get_resource(given["resource"], actor=asked.actor)
    service, _, name = given["kind"].partition(".")
    if name not in tuple(Action):
        raise Refused("unknown_kind", kind=given["kind"])
    if service != resource.kind:
        raise Refused("wrong_kind", kind=given["kind"])
    key = asked.headers.get("Idempotency-Key", "")
    if key and not _KEY.fullmatch(key):
        raise Refused("bad_idempotency_key")
    (operation,) = by_hand.enter_by_hand(
        Action(name),
        [resource.id],
        actor=asked.actor,
        now=asked.now,
        reason=given["reason"],
        token=f"api-{key}" if key else "",
    )
    return Response(OperationOut(operation).data, status=201)
