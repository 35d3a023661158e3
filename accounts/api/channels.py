"""Receivers of the tenant's events over the API. Secrets go in and never come out: an answer may be kept to be repeated."""

from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import tasks
from accounts.domain.channels import NAME_MAX, URL_MAX, ChannelKind
from accounts.domain.permissions import Permission
from accounts.models import Channel, Dispatch
from accounts.models.channel import DispatchState
from accounts.operations import channels, dispatching
from accounts.queries.channels import Standing, get_channel, get_dispatch, list_channels, list_dispatches
from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.filters import text_filter
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.forms import cursors_of, text_of
from medical_audit.queries.paging import Page


class ChannelOut(serializers.Serializer[Standing]):
    """`wanted`: kinds of events of a webhook, topics of a chat. `url` is empty for a chat, whose address is a secret. `entered`: the
    operation that waits for its confirmation, of a draft. `waiting` to be sent, `dead` for a person to decide."""

    id = serializers.UUIDField(source="row.id")
    kind = serializers.CharField(source="row.kind")
    name = serializers.CharField(source="row.name")
    url = serializers.CharField(source="row.url")
    host = serializers.CharField(source="row.host")
    wanted = serializers.ListField(source="row.wanted", child=serializers.CharField())
    language = serializers.CharField(source="row.language")
    state = serializers.CharField(source="row.state")
    operation = serializers.CharField(source="row.operation")
    confirmed_by = serializers.CharField(source="row.confirmed_by_name")
    problem = serializers.CharField(source="row.problem")
    problem_since = serializers.DateTimeField(source="row.problem_since", allow_null=True)
    sent_at = serializers.DateTimeField(source="row.sent_at", allow_null=True)
    waiting = serializers.IntegerField()
    dead = serializers.IntegerField()
    entered = serializers.CharField()


class DispatchOut(serializers.Serializer[Dispatch]):
    """One message. `status` and `latency_ms` are of the last answer, `outcome` is a code while it was not taken."""

    id = serializers.UUIDField()
    event = serializers.UUIDField(source="event_id")
    number = serializers.IntegerField(source="seq")
    event_kind = serializers.CharField()
    items = serializers.IntegerField()
    body = serializers.CharField()
    state = serializers.SerializerMethodField()
    attempts = serializers.IntegerField()
    next_at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    latency_ms = serializers.IntegerField(allow_null=True)
    outcome = serializers.CharField()
    detail = serializers.CharField()
    created_at = serializers.DateTimeField()
    tried_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.CharField())
    def get_state(self, row: Dispatch) -> str:
        return str(row.state)


class ChannelChangeIn(ReasonIn):
    name = serializers.CharField(max_length=NAME_MAX)
    url = serializers.CharField(
        max_length=URL_MAX, default="", allow_blank=True, help_text="Of a webhook. That of a chat stays."
    )
    wanted = serializers.ListField(child=serializers.CharField(max_length=80), max_length=50)
    language = serializers.ChoiceField(choices=list(channels.LANGUAGES), default="ja")


class ChannelIn(ChannelChangeIn):
    kind = serializers.ChoiceField(choices=[str(one) for one in ChannelKind])
    url = serializers.CharField(max_length=URL_MAX)
    secret = serializers.CharField(
        max_length=100, default="", allow_blank=True,
        help_text="Of a webhook, `whsec_` and 24 to 64 bytes in base64. It is never given back: without one here nobody but Toban knows it.",
    )  # fmt: skip


class RotateIn(ReasonIn):
    secret = serializers.CharField(max_length=100, help_text="`whsec_` and 24 to 64 bytes in base64.")


def _version(row: Channel) -> str:
    told = repr((row.name, row.url, row.wanted, row.language, str(row.state), row.operation))
    return sha256(told.encode()).hexdigest()[:32]


@answers(ChannelOut, many=True)
def channel_list(call: Call) -> list[Standing]:
    """List where the tenant's events go: active receivers, drafts that wait, the last that ended."""
    return list(list_channels(actor=call.actor))


@answers(ChannelOut)
def channel_get(call: Call, pk: UUID) -> Told:
    """Get one receiver; its version is what a change names."""
    found = get_channel(pk, actor=call.actor)
    return Told(found, _version(found.row))


@answers(
    OperationOut,
    takes=ChannelIn,
    status=201,
    example={
        "kind": "webhook", "name": "監視基盤", "url": "https://hooks.example.jp/toban",
        "wanted": ["operation.failed", "operation.missed", "breaker.*"], "language": "ja",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "reason": "監視へ知らせるため",
    },
)  # fmt: skip
def channel_open(call: Call) -> Told:
    """Enter a receiver; another person confirms it."""
    call.actor.require(Permission.CHANNEL_EDIT, call.actor.tenant_id)
    given = call.given
    entered = channels.enter_open(
        given["kind"], given["name"], given["url"], given["wanted"], given["language"], actor=call.actor, now=call.now,
        reason=given["reason"], secret=given["secret"],
    ).operation  # fmt: skip
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ChannelChangeIn, status=201, must=True)
def channel_change(call: Call, pk: UUID) -> Told:
    """Enter another name, address or other events of a receiver; another person confirms it."""
    row = get_channel(pk, actor=call.actor).row
    call.actor.require(Permission.CHANNEL_EDIT, call.actor.tenant_id)
    call.expect(_version(row))
    given = call.given
    entered = channels.enter_change(
        pk, given["name"], given["url"], given["wanted"], given["language"], actor=call.actor, now=call.now,
        reason=given["reason"],
    )  # fmt: skip
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ReasonIn, status=201, match=True)
def channel_end(call: Call, pk: UUID) -> Told:
    """Enter that nothing is sent to a receiver any more; another person confirms it."""
    row = get_channel(pk, actor=call.actor).row
    call.actor.require(Permission.CHANNEL_EDIT, call.actor.tenant_id)
    call.expect(_version(row))
    entered = channels.enter_end(pk, actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=RotateIn, status=201, must=True)
def channel_rotate(call: Call, pk: UUID) -> Told:
    """Enter a new secret of a webhook; after its confirmation both sign for 24 hours."""
    row = get_channel(pk, actor=call.actor).row
    call.actor.require(Permission.CHANNEL_EDIT, call.actor.tenant_id)
    given = call.given
    call.expect(_version(row))
    entered = channels.enter_rotate(
        pk, actor=call.actor, now=call.now, reason=given["reason"], secret=given["secret"]
    ).operation
    return Told(entered, version_of(entered))


@answers(
    DispatchOut,
    paged=True,
    filters=(text_filter("state", "How it stands.", [str(one) for one in DispatchState.values]),),
)
def dispatch_list(call: Call, pk: UUID) -> Page:
    """List what was and is to be sent to a receiver, the newest first."""
    state = text_of(call.query, "state")
    return list_dispatches(pk, state, cursors_of(call.query), actor=call.actor)


class ReplayedOut(serializers.Serializer[Any]):
    replayed = serializers.IntegerField()


@answers(ReplayedOut)
def channel_replay(call: Call, pk: UUID) -> dict[str, int]:
    """Send every dead letter of a receiver once more."""
    row = get_channel(pk, actor=call.actor).row
    call.actor.require(Permission.CHANNEL_EDIT, call.actor.tenant_id)
    count = dispatching.replay_all(pk, actor=call.actor, now=call.now)
    transaction.on_commit(partial(tasks.wake_channel, row.tenant_id, row.id))
    return {"replayed": count}


@answers(DispatchOut)
def dispatch_replay(call: Call, pk: UUID) -> Dispatch:
    """Send a message once more: the same bytes under the same id."""
    _known(call, pk)
    one = dispatching.replay(pk, actor=call.actor, now=call.now)
    transaction.on_commit(partial(tasks.wake_channel, one.tenant_id, one.channel_id))
    return one


@answers(DispatchOut)
def dispatch_discard(call: Call, pk: UUID) -> Dispatch:
    """Leave a dead letter out for good."""
    _known(call, pk)
    return dispatching.discard(pk, actor=call.actor, now=call.now)


def _known(call: Call, pk: UUID) -> None:
    """Looked up before the right, so that nobody learns which ids there are."""
    get_dispatch(pk, actor=call.actor)
    call.actor.require(Permission.CHANNEL_EDIT, call.actor.tenant_id)
