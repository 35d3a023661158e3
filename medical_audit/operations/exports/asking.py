"""An export of the ledger is asked for, and later handed over: both are recorded, the second before the first byte."""

from datetime import datetime
from uuid import UUID

from django.utils import translation

from medical_audit.domain.actor import Actor, Principal, Subject
from medical_audit.domain.errors import Refused
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import Export
from medical_audit.models.export import UNDER_WAY, Format
from medical_audit.operations.ledger import record
from medical_audit.queries.events import EventFilter, count_up_to
from medical_audit.queries.exports import get_export

#: A report on paper that nobody can read through is no report; tables and lines have no such bound.
PAPER_ROWS = 20_000
#: One person's exports under way at once.
AT_ONCE = 3
PURPOSE_MAX = 500


def ask(wanted: EventFilter, of: str, *, tenant: str, purpose: str, actor: Actor, now: datetime) -> Export:
    """Ask for the events that match, as far as they are recorded now. `tenant`: its name, for the file's own heading.

    Raises NotPermitted; Refused: bad_parameter, export_purpose_missing, nothing_to_export, export_too_long (a PDF),
    export_waits (the same person has three under way).
    """
    actor.require(LEDGER_VIEW, actor.tenant_id)
    if of not in Format.values:
        raise Refused("bad_parameter", name="format", allowed=", ".join(Format.values))
    if not purpose.strip():
        raise Refused("export_purpose_missing")
    if Export.objects.filter(asked_by_id=actor.id, state__in=UNDER_WAY).count() >= AT_ONCE:
        raise Refused("export_waits", number=AT_ONCE)
    limit = PAPER_ROWS if of == Format.PDF else 1
    found = count_up_to(wanted, limit + 1, actor=actor)
    if not found:
        raise Refused("nothing_to_export")
    if of == Format.PDF and found > PAPER_ROWS:
        raise Refused("export_too_long", limit=PAPER_ROWS)
    made = Export(
        tenant_id=actor.tenant_id,
        format=of,
        tenant_name=tenant,
        language=translation.get_language() or "ja",
        question=wanted.asked(),
        purpose=purpose.strip()[:PURPOSE_MAX],
        asked_by_id=actor.id,
        asked_by_name=actor.name,
        asked_at=now,
    )
    made.save(force_insert=True)
    detail: dict[str, object] = {"export": str(made.id), "format": of, "filter": wanted.asked()}
    record(
        "ledger.export_asked", actor=actor, subject=_log(actor), now=now, reason=made.purpose, detail=detail
    )
    return made


def hand_over(export_id: UUID, *, actor: Actor, now: datetime) -> Export:
    """The finished export, once it is recorded that this person takes it. Raises NotFound, NotPermitted, Refused."""
    made = get_export(export_id, actor=actor)
    if not made.is_ready:
        raise Refused("export_not_ready", state=made.state)
    detail: dict[str, object] = {"export": str(made.id), "format": made.format}
    if made.report:
        detail |= {"report": made.report, **made.question, "rows": made.rows, "rows_sha256": made.rows_sha256}
    else:
        detail |= {
            "filter": made.question,
            "events": made.rows,
            "asked_by": Principal(made.asked_by_id, made.asked_by_name),
        }
    detail |= {"bytes": made.bytes, "sha256": made.sha256}
    kind = "report.exported" if made.report else "ledger.exported"
    record(kind, actor=actor, subject=_log(actor), now=now, reason=made.purpose, detail=detail)
    return made


def _log(actor: Actor) -> Subject:
    return Subject("tenant", str(actor.tenant_id))
