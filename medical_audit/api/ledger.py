"""The ledger over the API: events, sessions, verifications. Reading them is itself recorded."""

from datetime import UTC
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medical_audit.api.calls import Call, Told, answers
from medical_audit.api.filters import listed
from medical_audit.api.operations import OperationOut, PersonOut, ReasonIn, version_of
from medical_audit.domain.errors import NotFound
from medical_audit.domain.rights import LEDGER_VIEW, SESSION_END
from medical_audit.forms import cursors_of, event_filter, session_filter, text_of
from medical_audit.forms.filters import EVENTS, SESSIONS, month_bounds
from medical_audit.models import VerificationRun, Visit
from medical_audit.operations import session_ends, verifying
from medical_audit.operations.reading import read_ledger, read_sessions, read_verification
from medical_audit.queries.paging import Page
from medical_audit.queries.verifications import VerificationView

ZONE = ZoneInfo("Asia/Tokyo")


class EventOut(serializers.Serializer[Any]):
    """`body` is the canonical text whose hash stands in the chain at `seq`, `said` the same with what can be read of its people."""

    id = serializers.UUIDField(source="event.id")
    at = serializers.DateTimeField(source="event.event_at")
    kind = serializers.CharField(source="event.kind")
    outcome = serializers.CharField(source="event.outcome")
    body = serializers.CharField(source="event.body")
    said = serializers.DictField(source="event.said")
    seq = serializers.SerializerMethodField()
    hash = serializers.SerializerMethodField()

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_seq(self, row: Any) -> int | None:
        return row.link.seq if row.link else None

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_hash(self, row: Any) -> str | None:
        return bytes(row.link.hash).hex() if row.link else None


class SessionOut(serializers.Serializer[Visit]):
    """A session as far as it lay in this tenant; `end` is empty while it is open."""

    id = serializers.UUIDField()
    session = serializers.CharField()
    person = serializers.SerializerMethodField()
    entered_at = serializers.DateTimeField()
    active_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    end = serializers.CharField()
    ended_by = serializers.CharField(source="ended_by_name")
    address = serializers.CharField()
    device = serializers.CharField()
    method = serializers.CharField()
    factors = serializers.ListField(child=serializers.CharField())
    parallel_with = serializers.CharField()

    @extend_schema_field(PersonOut)
    def get_person(self, row: Visit) -> dict[str, str]:
        return {"id": str(row.user_id), "name": row.user_name}


class RunOut(serializers.Serializer[VerificationRun]):
    """One verification of the whole ledger; `damage` says what is wrong at `damage_seq`, or is empty."""

    id = serializers.UUIDField()
    verdict = serializers.CharField()
    asked_by = serializers.CharField(source="asked_by_name")
    asked_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    checked = serializers.IntegerField()
    total = serializers.IntegerField()
    sealed = serializers.IntegerField()
    damage = serializers.CharField()
    damage_seq = serializers.IntegerField(allow_null=True)
    problem = serializers.CharField()


class VerificationOut(serializers.Serializer[VerificationView]):
    """How far the ledger is sealed, and how the last verifications ended."""

    events = serializers.IntegerField()
    sealed = serializers.IntegerField()
    state = serializers.CharField(source="state.code")
    runs = RunOut(many=True)


@answers(
    EventOut,
    paged=True,
    filters=listed(
        EVENTS,
        event="For instance `operation.confirmed`.",
        actor="The id of who acted.",
        role="A role that whoever acted held.",
        subject="The id of what it speaks of.",
        address="From which address.",
        session="In which session.",
        off_hours="`yes`: outside working hours only.",
        proxy="`yes`: on behalf of somebody only.",
        outcome="ok or failed.",
        to="The last day.",
        q="Part of a name.",
        **{"from": "The first day, `2026-11-01`, in Japan's time."},
    ),
)
def event_list(call: Call) -> Page:
    """List the ledger's events, the newest first."""
    wanted, cursors = event_filter(call.query, ZONE), cursors_of(call.query)
    return read_ledger(wanted, cursors, actor=call.actor, now=call.now).page


@answers(
    SessionOut,
    paged=True,
    filters=listed(
        SESSIONS,
        month="`2026-11`; this month if not said.",
        state="open, parallel, or how it ended.",
        person="The id of a person.",
    ),
)
def session_list(call: Call) -> Page:
    """List the sessions of one month, the newest first."""
    call.actor.require(LEDGER_VIEW, call.actor.tenant_id)
    since, until = month_bounds(text_of(call.query, "month"), ZONE)
    if since is None or until is None:
        since, until = month_bounds(f"{call.now.astimezone(ZONE):%Y-%m}", ZONE)
    assert since is not None
    assert until is not None
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    wanted, cursors = session_filter(call.query), cursors_of(call.query)
    return read_sessions(wanted, since, until, cursors, actor=call.actor, now=call.now).page


@answers(OperationOut, takes=ReasonIn, status=201, example={"reason": "端末を紛失したため"})
def session_end(call: Call, pk: UUID) -> Told:
    """Enter that a session is to end; the person who enters it confirms it."""
    if not Visit.objects.filter(id=pk).exists():
        raise NotFound(type="session", id=str(pk))
    call.actor.require(SESSION_END, call.actor.tenant_id)
    reason = call.given["reason"]
    entered = session_ends.enter_end(pk, actor=call.actor, now=call.now, reason=reason)
    return Told(entered, version_of(entered))


@answers(VerificationOut)
def verification_get(call: Call) -> VerificationView:
    """See how far the ledger is sealed and how the last verifications ended."""
    return read_verification(actor=call.actor, now=call.now)


@answers(RunOut, status=202)
def verification_ask(call: Call) -> VerificationRun:
    """Ask for the ledger to be verified; one that is on its way already is given back."""
    return verifying.ask(actor=call.actor, now=call.now)
