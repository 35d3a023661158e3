"""Tickets over the API: what Toban wrote into Redmine and how it stands there, what is stuck, and deciding about both."""

from functools import partial
from uuid import UUID

from django.db import transaction
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.domain.permissions import Permission
from medical_audit.api.calls import Call, answers, text_filter
from medical_audit.api.operations import TargetOut
from medical_audit.domain.errors import NotFound
from medical_audit.forms import cursors_of, text_of
from medical_audit.queries.paging import Page
from redmine_sync import tasks
from redmine_sync.models import Entry, Ticket
from redmine_sync.operations import deciding
from redmine_sync.queries.tickets import TicketFilter, list_tickets, stuck


class TicketOut(serializers.Serializer[Ticket]):
    """`issue` is Redmine's number, null until it is written; `diverged` says where a person must decide."""

    id = serializers.UUIDField()
    issue = serializers.IntegerField(allow_null=True)
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
    many=True,
    filters=(
        text_filter("state", "wanted, open, closed, snoozed, orphaned or diverged."),
        text_filter("q", "Part of a name."),
    ),
)
def ticket_list(call: Call) -> Page:
    """List tickets, the newest first."""
    wanted = TicketFilter(state=text_of(call.query, "state"), q=text_of(call.query, "q"))
    return list_tickets(wanted, cursors_of(call.query), actor=call.actor)


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


@answers(EntryOut, many=True)
def entry_list(call: Call) -> list[Entry]:
    """List what is stuck, the oldest first."""
    return list(stuck(actor=call.actor))


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
