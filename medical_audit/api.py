"""REST, first form: the same queries and operations as the pages, as JSON."""

from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from medical_audit import tasks
from medical_audit.domain.kinds import get_kind
from medical_audit.domain.rights import OPERATION_CANCEL, OPERATION_REJECT
from medical_audit.domain.states import State
from medical_audit.forms import REASON_MAX, cursors_of, event_filter, operation_filter
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.authorising import check_confirmer
from medical_audit.operations.reading import read_ledger
from medical_audit.queries import operations as queries
from medical_audit.queries.paging import Page
from medical_audit.requests import of_tenant

ZONE = ZoneInfo("Asia/Tokyo")


class OperationOut(serializers.Serializer[Operation]):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    target = serializers.SerializerMethodField()
    lane = serializers.CharField()
    parameters = serializers.JSONField()
    shown = serializers.JSONField()
    digest = serializers.CharField()
    reason = serializers.CharField()
    policy = serializers.CharField()
    policy_role = serializers.CharField()
    version = serializers.IntegerField()
    corrects = serializers.UUIDField()
    on_behalf_of = serializers.SerializerMethodField()
    state = serializers.CharField()
    phase = serializers.CharField()
    entered_by = serializers.SerializerMethodField()
    confirmed_by = serializers.SerializerMethodField()
    entered_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    deadline = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField()
    called_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField()
    attempts = serializers.IntegerField()
    outcome = serializers.CharField()
    outcome_detail = serializers.JSONField()
    aws_request_id = serializers.CharField(source="request_id")

    def get_on_behalf_of(self, row: Operation) -> dict[str, str] | None:
        return {"id": row.on_behalf_of_id, "name": row.on_behalf_of_name} if row.on_behalf_of_id else None

    def get_target(self, row: Operation) -> dict[str, str]:
        return {"type": row.target_type, "id": row.target_id, "name": row.target_name}

    def get_entered_by(self, row: Operation) -> dict[str, str]:
        return {"type": row.entered_by_type, "id": row.entered_by_id, "name": row.entered_by_name}

    def get_confirmed_by(self, row: Operation) -> dict[str, str] | None:
        return {"id": row.confirmed_by_id, "name": row.confirmed_by_name} if row.confirmed_by_id else None


class EventOut(serializers.Serializer[Any]):
    """A LedgerRow: `body` is the canonical text whose hash stands in the chain."""

    id = serializers.UUIDField(source="event.id")
    at = serializers.DateTimeField(source="event.event_at")
    kind = serializers.CharField(source="event.kind")
    outcome = serializers.CharField(source="event.outcome")
    body = serializers.CharField(source="event.body")
    seq = serializers.SerializerMethodField()
    hash = serializers.SerializerMethodField()

    def get_seq(self, row: Any) -> int | None:
        return row.link.seq if row.link else None

    def get_hash(self, row: Any) -> str | None:
        return bytes(row.link.hash).hex() if row.link else None


class ConfirmIn(serializers.Serializer[Any]):
    digest = serializers.CharField(max_length=64)
    password = serializers.CharField(trim_whitespace=False, max_length=1000, allow_blank=True)
    deputy_reason = serializers.CharField(max_length=REASON_MAX, default="", allow_blank=True)


class ReasonIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=REASON_MAX)


def listed(page: Page, serializer: type[serializers.Serializer[Any]]) -> Response:
    """A page of a list: results and the cursors for `?after=` and `?before=`."""
    return Response(
        {"results": serializer(page.rows, many=True).data, "next": page.next, "previous": page.previous}
    )


def parsed(request: Request, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """The body's values; raises REST framework's ValidationError (400) naming each field."""
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def operation_page(request: Request) -> Response:
    asked = of_tenant(request)
    return listed(
        queries.list_operations(
            operation_filter(asked.GET, ZONE), cursors_of(asked.GET), actor=asked.actor, now=asked.now
        ),
        OperationOut,
    )


@api_view(["GET"])
def operation_detail(request: Request, slug: str, pk: UUID) -> Response:
    return Response(OperationOut(queries.get_operation(pk, actor=of_tenant(request).actor)).data)


@api_view(["POST"])
def operation_confirm(request: Request, slug: str, pk: UUID) -> Response:
    asked = of_tenant(request)
    operation = queries.get_operation(pk, actor=asked.actor)
    check_confirmer(operation, get_kind(operation.kind), asked.actor, now=asked.now)
    given = parsed(request, ConfirmIn)
    proof = asked.reauthenticate(given["password"])
    confirmed = entry.confirm(
        pk,
        actor=asked.actor,
        now=asked.now,
        seen_digest=given["digest"],
        proof=proof,
        deputy_reason=given["deputy_reason"],
    )
    if confirmed.state == State.CONFIRMED:
        transaction.on_commit(partial(tasks.wake, confirmed.tenant_id, confirmed.lane))
    return Response(OperationOut(confirmed).data)


@api_view(["POST"])
def operation_reject(request: Request, slug: str, pk: UUID) -> Response:
    return _turn_down(request, pk, partial(entry.reject, permission=OPERATION_REJECT))


@api_view(["POST"])
def operation_cancel(request: Request, slug: str, pk: UUID) -> Response:
    return _turn_down(request, pk, partial(entry.cancel, permission=OPERATION_CANCEL))


@api_view(["POST"])
def operation_withdraw(request: Request, slug: str, pk: UUID) -> Response:
    asked = of_tenant(request)
    return Response(OperationOut(entry.withdraw(pk, actor=asked.actor, now=asked.now)).data)


@api_view(["GET"])
def event_list(request: Request, slug: str) -> Response:
    asked = of_tenant(request)
    wanted = event_filter(asked.GET, ZONE)
    return listed(read_ledger(wanted, cursors_of(asked.GET), actor=asked.actor, now=asked.now).page, EventOut)


def _turn_down(request: Request, pk: UUID, move: Any) -> Response:
    asked = of_tenant(request)
    operation = queries.get_operation(pk, actor=asked.actor)
    asked.actor.require(move.keywords["permission"], operation.tenant_id)
    given = parsed(request, ReasonIn)
    return Response(OperationOut(move(pk, actor=asked.actor, now=asked.now, reason=given["reason"])).data)
