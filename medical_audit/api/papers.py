"""What leaves the ledger over the API: exports, reports of a month, the term of keeping."""

from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.http import QueryDict, StreamingHttpResponse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medical_audit import tasks
from medical_audit.api.audits import MONTH, month_of
from medical_audit.api.calls import Call, InstantField, Told, answers
from medical_audit.api.filters import filter_given
from medical_audit.api.operations import OperationOut, ReasonIn, version_of
from medical_audit.domain.burying import LEAST_YEARS, MOST_YEARS
from medical_audit.domain.erasing import LEAST_PERSON_MONTHS, MOST_PERSON_MONTHS
from medical_audit.domain.reports import Cell, Report
from medical_audit.domain.rights import LEDGER_VIEW, POLICY_EDIT
from medical_audit.forms import REASON_MAX, cursors_of, event_filter
from medical_audit.forms.filters import EVENTS
from medical_audit.models import Export
from medical_audit.models.export import Format
from medical_audit.operations import retaining
from medical_audit.operations.auditing import note_report
from medical_audit.operations.exports import asking
from medical_audit.operations.exports.files import ENDINGS
from medical_audit.operations.reading import read_exports, read_retention
from medical_audit.queries.exports import get_export
from medical_audit.queries.paging import Page
from medical_audit.queries.purges import Keeping, PurgeLine, RetentionView
from medical_audit.queries.reports import make_report
from medical_audit.requests import handed_over

ZONE = ZoneInfo("Asia/Tokyo")


class ExportOut(serializers.Serializer[Export]):
    """`report`: which report of a month it is, "" for events. `state`: asked, running, ready, failed or gone; `sha256`: of the file, which is read at `file/` until `expires_at`."""

    id = serializers.UUIDField()
    format = serializers.CharField()
    report = serializers.CharField()
    state = serializers.SerializerMethodField()
    purpose = serializers.CharField()
    question = serializers.DictField()
    asked_by = serializers.CharField(source="asked_by_name")
    asked_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    rows = serializers.IntegerField()
    total = serializers.IntegerField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    problem = serializers.CharField()

    @extend_schema_field(serializers.CharField())
    def get_state(self, row: Export) -> str:
        return str(row.state)


class ExportIn(serializers.Serializer[Any]):
    """`filter`: as the list of events takes them, by name: event, actor, role, subject, outcome, address, session, off_hours, proxy,
    from, to, q."""

    format = serializers.ChoiceField(choices=[str(one) for one in Format.values])
    purpose = serializers.CharField(max_length=REASON_MAX)
    filter = serializers.DictField(child=serializers.CharField(max_length=200), default=dict)

    def validate_filter(self, given: dict[str, str]) -> QueryDict:
        return filter_given(given, EVENTS)


class ColumnOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.CharField()


class ReportOut(serializers.Serializer[Report]):
    """`as_of`: the moment by which it is judged who is dormant; `sha256`: over report, tenant, period, `as_of` and every row; `cut`: how many rows did not find room."""

    name = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    as_of = serializers.DateTimeField()
    columns = ColumnOut(many=True)
    rows = serializers.SerializerMethodField()
    totals = serializers.DictField(child=serializers.IntegerField())
    sha256 = serializers.CharField()
    cut = serializers.IntegerField()

    @extend_schema_field(serializers.ListField(child=serializers.ListField()))
    def get_rows(self, row: Report) -> list[list[Cell]]:
        return [list(one) for one in row.rows]


class PurgeOut(serializers.Serializer[PurgeLine]):
    """`state`: entered, ordered (the sealer carries it out) or gone."""

    operation = serializers.UUIDField(source="operation.id")
    state = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    events = serializers.IntegerField()
    until = serializers.DateTimeField()


class MonthOut(serializers.Serializer[Any]):
    until = serializers.DateTimeField()
    events = serializers.IntegerField()


class RetentionOut(serializers.Serializer[RetentionView]):
    """`hold`: why nothing may go for now; `person_months`: for how long after his last act a person stays readable; `gone`: the last event that went; `months`: whose term is over."""

    years = serializers.IntegerField(source="held.years")
    hold = serializers.CharField(source="held.hold")
    person_months = serializers.IntegerField(source="held.person_months")
    gone = serializers.IntegerField()
    purges = PurgeOut(many=True)
    months = serializers.SerializerMethodField()

    @extend_schema_field(MonthOut(many=True))
    def get_months(self, row: RetentionView) -> list[dict[str, Any]]:
        return [{"until": until, "events": events} for until, events in row.months]


class KeepingIn(ReasonIn):
    years = serializers.IntegerField(min_value=LEAST_YEARS, max_value=MOST_YEARS)
    hold = serializers.CharField(max_length=500, default="", allow_blank=True)
    person_months = serializers.IntegerField(
        min_value=LEAST_PERSON_MONTHS, max_value=MOST_PERSON_MONTHS, default=None, allow_null=True,
        help_text="As it is, if not said.",
    )  # fmt: skip


class PurgeIn(ReasonIn):
    until = InstantField(help_text="One of `months`, as it stands there.")


@answers(ExportOut, paged=True)
def export_list(call: Call) -> Page:
    """List exports of the ledger, whoever asked for them, the newest first."""
    return read_exports(cursors_of(call.query), actor=call.actor, now=call.now)


@answers(
    ExportOut,
    takes=ExportIn,
    status=202,
    example={"format": "csv", "purpose": "月次点検のため", "filter": {"event": "operation.confirmed", "from": "2026-11-01"}},
)  # fmt: skip
def export_ask(call: Call) -> Export:
    """Ask for events as a file; it is made in the background, and `state` says how far it is."""
    call.actor.require(LEDGER_VIEW, call.actor.tenant_id)
    given = call.given
    made = asking.ask(
        event_filter(given["filter"], ZONE), given["format"], tenant=str(call.asked.tenant), purpose=given["purpose"],
        actor=call.actor, now=call.now,
    )  # fmt: skip
    transaction.on_commit(partial(tasks.wake_exports, call.actor.tenant_id))
    return made


@answers(ExportOut)
def export_get(call: Call, pk: UUID) -> Export:
    """See how far one export is."""
    return get_export(pk, actor=call.actor)


@answers(None, file=[kind.partition(";")[0] for _ending, kind in ENDINGS.values()])
def export_file(call: Call, pk: UUID) -> StreamingHttpResponse:
    """Take the file of a finished export; that it is taken is recorded first."""
    made = asking.hand_over(pk, actor=call.actor, now=call.now)
    return handed_over(made, call.asked.tenant.slug)


def report_of(name: str) -> Any:
    """The function that answers one report."""

    def read(call: Call) -> Report:
        since, until = month_of(call)
        made = make_report(name, since, until, actor=call.actor, now=call.now)
        note_report(made, actor=call.actor, now=call.now)
        return made

    read.__name__, read.__doc__ = f"report_{name}", f"Read the report of {name} of one month."
    return answers(ReportOut, filters=(MONTH,))(read)


@answers(RetentionOut)
def retention_get(call: Call) -> Told:
    """See for how long the record is kept, whether it is held, and what went."""
    view = read_retention(actor=call.actor, now=call.now)
    return Told(view, _version(view))


@answers(
    OperationOut,
    takes=KeepingIn,
    status=201,
    must=True,
    example={"years": 10, "hold": "", "reason": "院内規程"},
)
def retention_enter(call: Call) -> Told:
    """Enter another term or a hold; another person confirms it."""
    call.actor.require(POLICY_EDIT, call.actor.tenant_id)
    given = call.given
    view = read_retention(actor=call.actor, now=call.now)
    call.expect(_version(view))
    months = given["person_months"] or view.held.person_months
    wanted = Keeping(given["years"], given["hold"], months)
    entered = retaining.enter_keeping(wanted, actor=call.actor, now=call.now, reason=given["reason"])
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=PurgeIn, status=201)
def purge_enter(call: Call) -> Told:
    """Enter that what was sealed before the end of a month goes for good; another person confirms it."""
    call.actor.require(POLICY_EDIT, call.actor.tenant_id)
    given = call.given
    entered = retaining.enter_purge(given["until"], actor=call.actor, now=call.now, reason=given["reason"])
    return Told(entered, version_of(entered))


@answers(OperationOut, takes=ReasonIn, status=201)
def purge_end(call: Call) -> Told:
    """Enter that the purge which waits for the sealer is not carried out any more; another person confirms it."""
    call.actor.require(POLICY_EDIT, call.actor.tenant_id)
    entered = retaining.enter_end(actor=call.actor, now=call.now, reason=call.given["reason"])
    return Told(entered, version_of(entered))


def _version(view: RetentionView) -> str:
    return str(view.row.operation).replace("-", "") if view.row else "none"
