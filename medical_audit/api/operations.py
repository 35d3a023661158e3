"""Operations over the API: the list, one, and the moves that people make."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medical_audit import tasks
from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.filters import listed
from medical_audit.domain.kinds import get_kind, readable
from medical_audit.domain.rights import OPERATION_CANCEL, RECORD_CORRECT
from medical_audit.domain.states import State
from medical_audit.forms import REASON_MAX, cursors_of, operation_filter
from medical_audit.forms.filters import OPERATIONS
from medical_audit.models import Operation
from medical_audit.operations import correcting, entry
from medical_audit.operations.authorising import check_confirmer
from medical_audit.queries import operations as queries
from medical_audit.queries.paging import Page

ZONE = ZoneInfo("Asia/Tokyo")


class PersonOut(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()


class ActorOut(PersonOut):
    type = serializers.CharField()


class TargetOut(ActorOut):
    """What an operation acts on."""


class OperationOut(serializers.Serializer[Operation]):
    """`digest` is the hash of exactly what `shown` says; confirming names it."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    target = serializers.SerializerMethodField()
    lane = serializers.CharField()
    parameters = serializers.SerializerMethodField()
    shown = serializers.DictField()
    digest = serializers.CharField()
    reason = serializers.CharField()
    policy = serializers.CharField()
    policy_role = serializers.CharField()
    version = serializers.IntegerField()
    corrects = serializers.UUIDField(allow_null=True)
    on_behalf_of = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=[str(one) for one in State])
    phase = serializers.CharField()
    entered_by = serializers.SerializerMethodField()
    confirmed_by = serializers.SerializerMethodField()
    entered_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    deadline = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    called_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    attempts = serializers.IntegerField()
    outcome = serializers.CharField()
    outcome_detail = serializers.DictField()
    aws_request_id = serializers.CharField(source="request_id")

    @extend_schema_field(serializers.DictField())
    def get_parameters(self, row: Operation) -> dict[str, Any]:
        return readable(row.parameters)

    @extend_schema_field(PersonOut(allow_null=True))
    def get_on_behalf_of(self, row: Operation) -> dict[str, str] | None:
        return {"id": row.on_behalf_of_id, "name": row.on_behalf_of_name} if row.on_behalf_of_id else None

    @extend_schema_field(TargetOut)
    def get_target(self, row: Operation) -> dict[str, str]:
        return {"type": row.target_type, "id": row.target_id, "name": row.target_name}

    @extend_schema_field(ActorOut)
    def get_entered_by(self, row: Operation) -> dict[str, str]:
        return {"type": row.entered_by_type, "id": row.entered_by_id, "name": row.entered_by_name}

    @extend_schema_field(PersonOut(allow_null=True))
    def get_confirmed_by(self, row: Operation) -> dict[str, str] | None:
        return {"id": row.confirmed_by_id, "name": row.confirmed_by_name} if row.confirmed_by_id else None


class ConfirmedOut(OperationOut):
    """`told_once`: what the confirmer alone is told, like the code that belongs to a one-time link. It stands in the first answer
    only: it is kept nowhere, not even to repeat the answer to the same key."""

    told_once = serializers.CharField()


class ConfirmIn(serializers.Serializer[Any]):
    digest = serializers.CharField(max_length=64)
    password = serializers.CharField(
        trim_whitespace=False, max_length=1000, default="", allow_blank=True,
        help_text="Of the person himself. A token alone proves nobody; without the password it cannot confirm.",
    )  # fmt: skip
    code = serializers.CharField(
        max_length=20,
        default="",
        allow_blank=True,
        help_text="Of the person's authenticator app, or one of his recovery codes, if he has a second factor. Somebody who has "
        "a passkey only confirms on the page: a passkey answers to the browser that shows what it is for.",
    )
    deputy_reason = serializers.CharField(max_length=REASON_MAX, default="", allow_blank=True)


class ReasonIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=REASON_MAX)


class CorrectionIn(ReasonIn):
    says = serializers.CharField(max_length=REASON_MAX)


def version_of(row: Operation) -> str:
    """Changes with each move."""
    return f"{row.digest[:16]}-{row.state}-{row.attempts}".lower()


FILTERS = listed(
    OPERATIONS,
    state="How they stand.",
    kind="For instance `ec2.stop`.",
    target="The id of what it acts on.",
    mine="`yes`: only what I entered.",
    kept="How a planned time was kept.",
    month="`2026-11`, in Japan's time.",
    q="Part of a name.",
)


@answers(OperationOut, paged=True, filters=FILTERS)
def operation_list(call: Call) -> Page:
    """List operations, the newest first."""
    wanted, cursors = operation_filter(call.query, ZONE), cursors_of(call.query)
    return queries.list_operations(wanted, cursors, actor=call.actor, now=call.now)


@answers(OperationOut)
def operation_get(call: Call, pk: UUID) -> Told:
    """Get one operation."""
    found = queries.get_operation(pk, actor=call.actor)
    return Told(found, version_of(found))


@answers(
    ConfirmedOut, takes=ConfirmIn, match=True, example={"digest": "0" * 64, "password": "your own password"},
    once=("told_once",),
)  # fmt: skip
def operation_confirm(call: Call, pk: UUID) -> Told:
    """Confirm an operation.

    The confirmer names the digest of what he read and gives his password: nothing is confirmed without one. What needs no
    outside call is carried out at once, the rest when a worker takes it up.
    """
    operation = queries.get_operation(pk, actor=call.actor)
    check_confirmer(operation, get_kind(operation.kind), call.actor, now=call.now)
    given = call.given
    call.expect(version_of(operation))
    confirmed = entry.confirm(
        pk,
        actor=call.actor,
        now=call.now,
        seen_digest=given["digest"],
        proof=call.reauthenticate(given["password"], given["code"]),
        deputy_reason=given["deputy_reason"],
    )
    if confirmed.state == State.CONFIRMED:
        transaction.on_commit(partial(tasks.wake, confirmed.tenant_id, confirmed.lane))
    return Told(confirmed, version_of(confirmed))


@answers(OperationOut, takes=ReasonIn, match=True, example={"reason": "対象が違います。"})
def operation_reject(call: Call, pk: UUID) -> Told:
    """Reject what somebody entered, with a reason."""
    return _turn_down(call, pk, entry.right_to_reject, entry.reject)


@answers(OperationOut, takes=ReasonIn, match=True, example={"reason": "作業が延期になりました。"})
def operation_cancel(call: Call, pk: UUID) -> Told:
    """Cancel a confirmed operation that no worker has begun."""
    return _turn_down(call, pk, lambda _one: OPERATION_CANCEL, entry.cancel)


@answers(OperationOut, match=True)
def operation_withdraw(call: Call, pk: UUID) -> Told:
    """Withdraw one's own entry before it is confirmed."""
    operation = queries.get_operation(pk, actor=call.actor)
    call.expect(version_of(operation))
    moved = entry.withdraw(pk, actor=call.actor, now=call.now)
    return Told(moved, version_of(moved))


@answers(
    OperationOut, takes=CorrectionIn, status=201, example={"says": "夜間保守のため", "reason": "書き間違い"}
)
def operation_correct(call: Call, pk: UUID) -> Told:
    """Enter a corrected version of a confirmed record; another person confirms it."""
    operation = queries.get_operation(pk, actor=call.actor)
    call.actor.require(RECORD_CORRECT, operation.tenant_id)
    given = call.given
    entered = correcting.enter_correction(
        pk, given["says"], actor=call.actor, now=call.now, reason=given["reason"]
    )
    return Told(entered, version_of(entered))


def _turn_down(call: Call, pk: UUID, right: Callable[[Operation], str], move: Any) -> Told:
    operation = queries.get_operation(pk, actor=call.actor)
    call.actor.require(right(operation), operation.tenant_id)
    reason = call.given["reason"]
    call.expect(version_of(operation))
    moved = move(pk, actor=call.actor, now=call.now, reason=reason)
    return Told(moved, version_of(moved))
