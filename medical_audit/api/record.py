"""The record over the API, one by one: an event in every form, one's own history, kept questions, what waits for confirmation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import QueryDict
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medical_audit.api.calls import Call, Told, answers, version_from
from medical_audit.api.filters import filter_given, text_filter
from medical_audit.api.ledger import EventOut, SessionOut
from medical_audit.api.operations import OperationOut
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.forms import cursors_of, kept_query, text_of
from medical_audit.forms.filters import EVENTS
from medical_audit.models import Event, Operation, SavedSearch
from medical_audit.operations import saving_searches
from medical_audit.operations.choices import Ageing, turn_words
from medical_audit.operations.exports.one_event import FORMS, in_form
from medical_audit.operations.reading import EventView, read_event, read_own
from medical_audit.queries import operations as queries
from medical_audit.queries.paging import Page
from medical_audit.queries.policies import policy_here
from medical_audit.queries.saved_searches import saved_searches

#: So many operations of each kind a queue holds.
QUEUED_MOST = 100


class EventViewOut(serializers.Serializer[Any]):
    """`text`: the event in the form that was asked for, empty for the sentence and until its transaction has ended; `seal`: the number
    of the seal that covers it, with `form=proof`."""

    event = EventOut()
    form = serializers.ChoiceField(choices=list(FORMS))
    text = serializers.CharField()
    seal = serializers.IntegerField(allow_null=True)


class OwnEventOut(serializers.Serializer[Event]):
    """What I did, as the ledger has it."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField(source="event_at")
    kind = serializers.CharField()
    outcome = serializers.CharField()
    said = serializers.DictField()


class SearchIn(serializers.Serializer[Any]):
    """`filter`: as the list of events takes them, by name."""

    name = serializers.CharField(max_length=saving_searches.NAME_MAX)
    filter = serializers.DictField(child=serializers.CharField(max_length=200), allow_empty=False)

    def validate_filter(self, given: dict[str, str]) -> QueryDict:
        return filter_given(given, EVENTS)


class SearchOut(serializers.Serializer[SavedSearch]):
    """A question to the ledger that I keep."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    filter = serializers.SerializerMethodField()
    saved_at = serializers.DateTimeField()

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_filter(self, row: SavedSearch) -> dict[str, str]:
        return {name: str(value) for name, value in QueryDict(row.query).items()}


class AgeingOut(serializers.Serializer[Ageing]):
    """A proxy entry by age; `late`: it waits too long; `deputies`: whose turn it is besides."""

    operation = OperationOut()
    hours = serializers.IntegerField()
    late = serializers.BooleanField(source="escalated")
    deputies = serializers.ListField(child=serializers.CharField())


class QueueOut(serializers.Serializer[Any]):
    """`mine`: what I may confirm, of `mine_total`; `for_me`: entered in my name; `own`: what I entered; `proxies`: every proxy entry."""

    mine = OperationOut(many=True)
    mine_total = serializers.IntegerField()
    for_me = OperationOut(many=True)
    own = OperationOut(many=True)
    proxies = AgeingOut(many=True)


@answers(EventViewOut, filters=(text_filter("form", "How it is told; `sentence` if not said.", FORMS),))
def event_get(call: Call, pk: UUID) -> dict[str, Any]:
    """Get one event, also as DICOM, FHIR or with its proof; each look is recorded before it is shown."""
    form = text_of(call.query, "form") or "sentence"
    seen: EventView = read_event(pk, form, actor=call.actor, now=call.now)
    return {
        "event": seen.row, "form": form, "text": in_form(seen, form), "seal": seen.seal.number if seen.seal else None,
    }  # fmt: skip


@answers(OwnEventOut, paged=True)
def own_events(call: Call) -> Page:
    """List what I did, the newest first."""
    return read_own("did", cursors_of(call.query), actor=call.actor, now=call.now)


@answers(OperationOut, paged=True)
def own_proxies(call: Call) -> Page:
    """List what others entered in my name, the newest first."""
    return read_own("in_my_name", cursors_of(call.query), actor=call.actor, now=call.now)


@answers(SessionOut, paged=True)
def own_sessions(call: Call) -> Page:
    """List my sessions in this tenant, the newest first."""
    return read_own("sign_ins", cursors_of(call.query), actor=call.actor, now=call.now)


@answers(SearchOut, many=True)
def search_list(call: Call) -> Told:
    """List the questions to the ledger that I keep; the version of the list is what keeping another one names."""
    return _kept(call)


def _kept(call: Call) -> Told:
    rows = saved_searches(actor=call.actor)
    return Told(rows, version_from(*((str(row.id), row.name, row.query) for row in rows)))


@answers(SearchOut, takes=SearchIn, status=201, must=True)
def search_save(call: Call) -> SavedSearch:
    """Keep a question to the ledger; one of the same name gives way."""
    call.actor.require(LEDGER_VIEW, call.actor.tenant_id)
    given = call.given
    call.expect(_kept(call).version)
    return saving_searches.save(given["name"], kept_query(given["filter"]), actor=call.actor, now=call.now)


@answers(None)
def search_forget(call: Call, pk: UUID) -> None:
    """Let a kept question go."""
    saving_searches.forget(pk, actor=call.actor)


@answers(QueueOut)
def queue_get(call: Call) -> dict[str, Any]:
    """See what waits: mine to confirm, entered in my name, what I entered, and every proxy entry by age."""
    actor, now = call.actor, call.now
    mine, total = queries.awaiting(actor=actor, now=now, limit=QUEUED_MOST)
    proxies: list[Operation] = queries.proxies(actor=actor, limit=QUEUED_MOST)
    hours = policy_here().escalate_hours
    return {
        "mine": mine,
        "mine_total": total,
        "for_me": [row for row in proxies if row.on_behalf_of_id == actor.id],
        "own": queries.entered_by(actor.id, actor=actor, limit=QUEUED_MOST),
        "proxies": [turn_words(row, now=now, escalate_hours=hours) for row in proxies],
    }
