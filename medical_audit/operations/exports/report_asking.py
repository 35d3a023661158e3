"""A long report as a file: asked for like an export, made by a worker, and recorded like one that is made at once."""

from dataclasses import replace
from datetime import datetime
from typing import IO

from django.utils import translation

from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import Refused
from medical_audit.domain.reports import Report
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import Export
from medical_audit.models.export import UNDER_WAY
from medical_audit.operations.exports.asking import AT_ONCE, PURPOSE_MAX
from medical_audit.operations.exports.report_files import MAKERS, rows_most, sheet_of
from medical_audit.operations.ledger import record
from medical_audit.queries.reports import is_long, make_report


def ask_report(
    name: str,
    since: datetime,
    until: datetime,
    form: str,
    *,
    tenant: str,
    purpose: str,
    actor: Actor,
    now: datetime,
) -> Export | None:
    """Ask for a report that is too long to be made at once; None where it is not, and nothing was asked for.

    Raises NotPermitted, NotFound; Refused: bad_parameter, export_purpose_missing, export_waits.
    """
    actor.require(LEDGER_VIEW, actor.tenant_id)
    if form not in MAKERS:
        raise Refused("bad_parameter", name="format", allowed=", ".join(MAKERS))
    if not purpose.strip():
        raise Refused("export_purpose_missing")
    if not is_long(name, since, until):
        return None
    if Export.objects.filter(asked_by_id=actor.id, state__in=UNDER_WAY).count() >= AT_ONCE:
        raise Refused("export_waits", number=AT_ONCE)
    made = Export(
        tenant_id=actor.tenant_id,
        format=form,
        report=name,
        tenant_name=tenant,
        language=translation.get_language() or "ja",
        question={"since": utc_text(since), "until": utc_text(until)},
        purpose=purpose.strip()[:PURPOSE_MAX],
        asked_by_id=actor.id,
        asked_by_name=actor.name,
        asked_at=now,
    )
    made.save(force_insert=True)
    subject = Subject("tenant", str(actor.tenant_id))
    record("report.asked", actor=actor, subject=subject, now=now, reason=made.purpose, detail=facts_of(made))
    return made


def facts_of(made: Export) -> dict[str, object]:
    """Which report of when it is, as its events say it."""
    return {"export": str(made.id), "report": made.report, "format": made.format, **made.question}


def read_report(row: Export, now: datetime) -> Report:
    """The report that was asked for. Needs the tenant bound. Raises Refused (export_too_long)."""
    since, until = (datetime.fromisoformat(row.question[name]) for name in ("since", "until"))
    # Read with the right that was asked for when it was asked; whoever takes the file needs it anew.
    reader = system_actor(row.tenant_id, "exporter", frozenset({LEDGER_VIEW}))
    limit = rows_most(row.format, at_once=False)
    report = make_report(row.report, since, until, actor=reader, now=now, most=limit)
    if report.cut:
        raise Refused("export_too_long", limit=limit)
    return report


def write_report(report: Report, row: Export, file: IO[bytes], now: datetime) -> None:
    """The report as a file, in the words of the active language; asks the database nothing."""
    made_by = replace(system_actor(row.tenant_id, "exporter"), name=row.asked_by_name)
    MAKERS[row.format](sheet_of(report, row.tenant_name, row.purpose, made_by, now), file)
