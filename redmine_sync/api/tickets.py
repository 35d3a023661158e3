"""Tickets over the API: what Toban wrote into Redmine and how it stands there, what is stuck, and deciding about both."""

from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from infra.api.left_over import UndoneOut
from infra.domain.leftovers import BATCH_MAX
from medical_audit.api.calls import Call, answers
from medical_audit.api.filters import text_filter
from medical_audit.api.operations import ReasonIn, TargetOut
from medical_audit.domain.errors import NotFound
from medical_audit.forms import cursors_of, text_of
from medical_audit.queries.paging import Page
from redmine_sync import tasks
from redmine_sync.models import Entry, Ticket
from redmine_sync.models.ticket import TicketState
from redmine_sync.operations import deciding
from redmine_sync.operations.asking import ask_for_volumes
from redmine_sync.queries.tickets import TicketFilter, list_tickets, stuck_page


class TicketOut(serializers.Serializer[Ticket]):
    """`issue` is Redmine's number, null until it is written, and `url` its address there; `diverged` says where a person must decide."""

    id = serializers.UUIDField()
    issue = serializers.IntegerField(allow_null=True)
    url = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.CharField()
    status = serializers.CharField()
    project = serializers.CharField()
    times = serializers.IntegerField()
    operation = serializers.CharField()
    target = serializers.SerializerMethodField()
    diverged = serializers.CharField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(TargetOut)
    def get_target(self, row: Ticket) -> dict[str, str]:
        return {"type": row.target_type, "id": row.target_id, "name": row.target_name}


@answers(
    TicketOut,
    paged=True,
    filters=(
        text_filter("state", "How it stands.", (*TicketState.values, "diverged")),
        text_filter("q", "Part of a name."),
        text_filter("target", "Id of the thing that they tell of, also in one ticket for all."),
    ),
)
def ticket_list(call: Call) -> Page:
    """List tickets, the newest first."""
    wanted = TicketFilter(**{name: text_of(call.query, name) for name in ("state", "q", "target")})
    return list_tickets(wanted, cursors_of(call.query), actor=call.actor)


class AskIn(ReasonIn):
    volumes = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=BATCH_MAX)


class AskedOut(serializers.Serializer[Any]):
    """`volumes`: those that will have a ticket, to be found by the filter `target`; `undone`: those left out, each with why."""

    volumes = serializers.ListField(child=serializers.UUIDField())
    undone = UndoneOut(many=True)


@answers(
    AskedOut,
    takes=AskIn,
    example={"volumes": ["3f0b7d0e-2b6c-4d0a-9a57-0f3f8d1b6a11"], "reason": "所有者に確認してもらうため"},
)
def left_over_tickets(call: Call) -> dict[str, Any]:
    """Ask for a ticket of each of these left-over volumes; none gets a second one."""
    call.actor.require(Permission.VOLUME_DELETE, call.actor.tenant_id)
    given = call.given
    server, asked, undone = ask_for_volumes(
        given["volumes"], actor=call.actor, now=call.now, reason=given["reason"]
    )
    if asked:
        transaction.on_commit(partial(tasks.wake, server.tenant_id, server.id))
    return {"volumes": asked, "undone": undone}


class EntryOut(serializers.Serializer[Entry]):
    """Something that could not be written into a ticket."""

    id = serializers.UUIDField()
    ticket = serializers.UUIDField(source="ticket_id")
    verb = serializers.CharField()
    state = serializers.SerializerMethodField()
    attempts = serializers.IntegerField()
    outcome = serializers.CharField()
    detail = serializers.CharField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.CharField())
    def get_state(self, row: Entry) -> str:
        return str(row.state)


@answers(EntryOut, paged=True)
def entry_list(call: Call) -> Page:
    """List what is stuck, the oldest first."""
    return stuck_page(cursors_of(call.query), actor=call.actor)


@answers(EntryOut)
def entry_retry(call: Call, pk: UUID) -> Entry:
    """Try a stuck entry again at once."""
    _decides(call, Entry.objects.filter(id=pk).exists())
    entry = deciding.retry(pk, actor=call.actor, now=call.now)
    transaction.on_commit(partial(tasks.wake, entry.tenant_id, entry.ticket.server_id))
    return entry


@answers(EntryOut)
def entry_discard(call: Call, pk: UUID) -> Entry:
    """Leave a stuck entry out for good."""
    _decides(call, Entry.objects.filter(id=pk).exists())
    return deciding.discard(pk, actor=call.actor, now=call.now)


@answers(TicketOut)
def ticket_push(call: Call, pk: UUID) -> Ticket:
    """Where both sides differ: write what Toban wished once more."""
    _decides(call, Ticket.objects.filter(id=pk).exists())
    ticket = deciding.push_ours(pk, actor=call.actor, now=call.now)
    transaction.on_commit(partial(tasks.wake, ticket.tenant_id, ticket.server_id))
    return ticket


@answers(TicketOut)
def ticket_take(call: Call, pk: UUID) -> Ticket:
    """Where both sides differ: let it stand as people left it."""
    _decides(call, Ticket.objects.filter(id=pk).exists())
    return deciding.take_theirs(pk, actor=call.actor, now=call.now)


def _decides(call: Call, there: bool) -> None:
    """Looked up before the right, so that nobody learns which ids there are."""
    if not there:
        raise NotFound(type="ticket")
    call.actor.require(Permission.TICKET_DECIDE, call.actor.tenant_id)
