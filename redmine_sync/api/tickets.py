"""Tickets over the API: what Toban wrote into Redmine and how it stands there."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medical_audit.api.calls import Call, answers, text_filter
from medical_audit.api.operations import TargetOut
from medical_audit.forms import cursors_of, text_of
from medical_audit.queries.paging import Page
from redmine_sync.models import Ticket
from redmine_sync.queries.tickets import TicketFilter, list_tickets


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
