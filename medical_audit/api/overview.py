"""The auditor's first view over the API: is the record complete and intact, what is unusual, what must be signed; clocks, requirements."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from medical_audit.api.audits import MONTH, AnomalyOut, month_of
from medical_audit.api.calls import Call, answers
from medical_audit.api.operations import OperationOut
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import ClockReading
from medical_audit.operations.auditing import note_view
from medical_audit.queries.clocks import ClockDay, clock_days, clock_now
from medical_audit.queries.overview import Overview, overview_of
from medical_audit.queries.requirements import Line, requirement_lines, versions
from medical_audit.queries.sessions import Account, PersonCount
from medical_audit.queries.tested import Ran

ZONE = ZoneInfo("Asia/Tokyo")


class PersonCountOut(serializers.Serializer[PersonCount]):
    """One person's sessions that began in the month; `ends` by how they ended; `failed` sign-ins under his name."""

    id = serializers.CharField(source="person_id")
    name = serializers.CharField()
    begun = serializers.IntegerField()
    ends = serializers.DictField(child=serializers.IntegerField())
    still_open = serializers.IntegerField()
    parallel = serializers.IntegerField()
    failed = serializers.IntegerField()


class SessionAccountOut(serializers.Serializer[Account]):
    """A month of sessions added up; `adds_up`: every one that began has ended or is open, and the ledger says the same."""

    people = PersonCountOut(many=True)
    begun = serializers.IntegerField()
    ended = serializers.IntegerField()
    still_open = serializers.IntegerField()
    failed = serializers.IntegerField()
    adds_up = serializers.BooleanField()


class ClockReadingOut(serializers.Serializer[ClockReading]):
    """Milliseconds: the measuring machine against the database, the database against `time_source` (null: none, or it did not answer)."""

    at = serializers.DateTimeField()
    machine = serializers.CharField()
    machine_ms = serializers.IntegerField()
    time_source = serializers.CharField(source="source")
    database_ms = serializers.IntegerField(allow_null=True)
    state = serializers.CharField()
    problem = serializers.CharField()


class ClockDayOut(serializers.Serializer[ClockDay]):
    """One day: the largest differences, how often over the limit or without a source."""

    day = serializers.DateField()
    readings = serializers.IntegerField()
    machine_ms = serializers.IntegerField()
    database_ms = serializers.IntegerField(allow_null=True)
    over = serializers.IntegerField()
    silent = serializers.IntegerField()


class ClockOut(serializers.Serializer[Any]):
    """`code`: how the newest reading was, never, or stale."""

    code = serializers.CharField()
    reading = ClockReadingOut(allow_null=True)
    days = ClockDayOut(many=True)


class CompleteOut(serializers.Serializer[Any]):
    """Has every event its place, every session its end, every minute its seal and its measured clock?"""

    code = serializers.ChoiceField(choices=["good", "mind", "bad"])
    events = serializers.IntegerField()
    sealed = serializers.IntegerField()
    seal = serializers.CharField()
    clock = serializers.CharField(source="clock.code")
    sessions = SessionAccountOut(source="account")
    watched_at = serializers.DateTimeField(source="watch.looked_at", allow_null=True)
    sweeper_late = serializers.BooleanField()


class IntactOut(serializers.Serializer[Any]):
    """What the last verification found; `behind`: copies outside the database that lack seals or events."""

    code = serializers.ChoiceField(choices=["good", "mind", "bad"])
    verdict = serializers.CharField(source="last.verdict", default="")
    verified_at = serializers.DateTimeField(source="last.finished_at", default=None, allow_null=True)
    old = serializers.BooleanField()
    behind = serializers.ListField(child=serializers.CharField())


class UnusualOut(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=["good", "mind", "bad"])
    counts = serializers.DictField(child=serializers.IntegerField())
    newest = AnomalyOut(many=True)


class SignOut(serializers.Serializer[Any]):
    """`months`: first days of months whose review waits for its signature; `proxies`: proxy entries that wait too long."""

    code = serializers.ChoiceField(choices=["good", "mind", "bad"])
    months = serializers.SerializerMethodField()
    mine = OperationOut(many=True)
    proxies = serializers.IntegerField()
    emergencies = serializers.IntegerField()

    @extend_schema_field(serializers.ListField(child=serializers.DateField()))
    def get_months(self, row: Any) -> list[str]:
        return [one.first.isoformat() for one in row.months]


class OverviewOut(serializers.Serializer[Overview]):
    complete = CompleteOut()
    intact = IntactOut()
    unusual = UnusualOut()
    sign = SignOut()


class ClauseOut(serializers.Serializer[Any]):
    """Of one edition of a guideline, which is in force on these days."""

    guideline = serializers.CharField()
    version = serializers.CharField()
    clause = serializers.CharField()
    since = serializers.DateField()
    until = serializers.DateField(allow_null=True)


class EvidenceOut(serializers.Serializer[Any]):
    kind = serializers.CharField()
    code = serializers.ChoiceField(choices=["good", "mind", "bad"])
    figures = serializers.DictField()


class RanOut(serializers.Serializer[Ran]):
    """`outcome`: passed, failed, skipped or unknown; `at` and `revision`: when it last ran, and against which code."""

    name = serializers.CharField()
    outcome = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    revision = serializers.CharField(allow_blank=True)


class RequirementOut(serializers.Serializer[Line]):
    """One requirement. `toban` or `absent` by language: what Toban does, or why it does nothing; `tests`: which tests prove it, and how they last ended."""

    id = serializers.CharField(source="requirement.id")
    title = serializers.DictField(source="requirement.title", child=serializers.CharField())
    toban = serializers.DictField(source="requirement.toban", child=serializers.CharField(), allow_null=True)
    absent = serializers.DictField(
        source="requirement.absent", child=serializers.CharField(), allow_null=True
    )
    clauses = serializers.SerializerMethodField()
    evidence = EvidenceOut(allow_null=True)
    tests = RanOut(many=True)

    @extend_schema_field(ClauseOut(many=True))
    def get_clauses(self, line: Line) -> list[dict[str, Any]]:
        return [
            {
                "guideline": one.guideline, "version": one.version, "clause": clause, "since": one.since.isoformat(),
                "until": one.until.isoformat() if one.until else None,
            }
            for one in versions()
            if (clause := line.requirement.clauses.get((one.guideline, one.version)))
        ]  # fmt: skip


@answers(OverviewOut, filters=(MONTH,))
def audit_overview(call: Call) -> Overview:
    """See whether the record is complete and intact, what is unusual in a month and what must be signed; looking is recorded."""
    since, until = month_of(call)
    note_view("overview", since, until, actor=call.actor, now=call.now)
    return overview_of(since, until, actor=call.actor, now=call.now)


@answers(ClockOut, filters=(MONTH,))
def clock_get(call: Call) -> dict[str, Any]:
    """See how the clocks stand now and stood in a month, day by day."""
    call.actor.require(LEDGER_VIEW, call.actor.tenant_id)
    since, until = month_of(call)
    note_view("clock", since, until, actor=call.actor, now=call.now)
    found = clock_now(call.now)
    return {"code": found.code, "reading": found.reading, "days": clock_days(since, until, ZONE)}


@answers(RequirementOut, many=True, filters=(MONTH,))
def requirement_list(call: Call) -> list[Line]:
    """List the requirements of the guidelines with what is so right now and which tests prove it."""
    since, until = month_of(call)
    note_view("requirements", since, until, actor=call.actor, now=call.now)
    return requirement_lines(since, until, actor=call.actor, now=call.now)
