"""Makes the files that people asked for, page by page in transactions of their own, and removes old ones."""

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import IO
from uuid import UUID

import structlog
from django.utils import translation
from django.utils.translation import gettext as _

from medical_audit.domain.actor import Actor, Principal, Subject
from medical_audit.domain.errors import Refused
from medical_audit.models import Export, ExportPart
from medical_audit.models.export import Format, Making
from medical_audit.operations.exports.files import WRITERS, About, Writer
from medical_audit.operations.exports.paper import Paper
from medical_audit.operations.exports.report_asking import facts_of, read_report, write_report
from medical_audit.operations.ledger import record
from medical_audit.queries.events import ZONE, EventFilter, matching
from medical_audit.queries.exports import Mark, in_order
from medical_audit.queries.seals import database_clock
from medical_audit.tenancy import tenant_scope

log = structlog.get_logger(__name__)
PAGE, PART_BYTES = 1000, 1 << 20
#: One that says nothing for so long was left behind by a worker that died; another begins anew.
LEFT_BEHIND = timedelta(minutes=10)
KEPT = timedelta(hours=24)
_FROM_THE_BEGINNING: Mark | None = None


class _Overtaken(Exception):
    """Another worker took the export up."""


class _Poisoned(Exception):
    """One event cannot be told in this form; `code` for the page: with fewer events, or in another form, the others can."""

    def __init__(self, seq: int) -> None:
        self.code = f"event_untold:{seq}"
        super().__init__(self.code)


#: So many workers ended in the middle of it: the next would too.
ATTEMPTS = 3


def make_due(tenant_id: UUID, *, actor: Actor, clock: Callable[[], datetime]) -> int:
    """Make what waits in this tenant, one after another; returns how many files came of it."""
    remove_old(tenant_id, actor=actor, now=clock())
    made = 0
    while (row := _take(tenant_id, now=clock())) is not None:
        if row.attempts > ATTEMPTS:
            _fail(row, "workers_ended", actor=actor, now=clock())
            continue
        try:
            _make(row, actor=actor, clock=clock)
            made += 1
        except _Overtaken:
            log.warning("export_overtaken", export=str(row.id))
        except Refused as refused:
            _fail(row, f"{refused.code}: {refused.params.get('limit', '')}", actor=actor, now=clock())
        except Exception as error:  # whatever an event holds: the same event would fail each worker anew
            log.exception("export_failed", export=str(row.id))
            problem = error.code if isinstance(error, _Poisoned) else f"{type(error).__name__}: {error}"
            _fail(row, problem[:300], actor=actor, now=clock())
    return made


def remove_old(tenant_id: UUID, *, actor: Actor, now: datetime) -> None:
    """What has lain long enough goes, with an event; what is known of it stays."""
    with tenant_scope(tenant_id):
        for old in Export.objects.filter(state=Making.READY, expires_at__lte=now):
            ExportPart.objects.filter(export_id=old.id).delete()
            Export.objects.filter(id=old.id).update(state=Making.GONE)
            detail: dict[str, object] = {"export": str(old.id), "format": old.format, "sha256": old.sha256}
            record("ledger.export_removed", actor=actor, subject=_log(old), now=now, detail=detail)
        # Pieces whose file is neither made nor there: a worker died before such a piece and its row were one transaction.
        ExportPart.objects.exclude(export__state__in=[Making.RUNNING, Making.READY]).delete()


def _take(tenant_id: UUID, *, now: datetime) -> Export | None:
    with tenant_scope(tenant_id):
        waiting = Export.objects.filter(state=Making.ASKED) | Export.objects.filter(
            state=Making.RUNNING, started_at__lt=now - LEFT_BEHIND
        )
        for row in waiting.order_by("asked_at")[:1]:
            taken = Export.objects.filter(id=row.id, state=row.state, started_at=row.started_at).update(
                state=Making.RUNNING, started_at=now, rows=0, attempts=row.attempts + 1
            )
            if taken:
                ExportPart.objects.filter(export_id=row.id).delete()
                row.refresh_from_db()
                found: Export = row
                return found
    return None


def _make(row: Export, *, actor: Actor, clock: Callable[[], datetime]) -> None:
    with tempfile.TemporaryFile() as file, translation.override(row.language):
        if row.report:
            rows, rows_sha256 = _write_report(row, file, clock)
        else:
            rows, rows_sha256 = _write_events(row, file, clock), ""
        sha256, size = _store(row, file, clock)
        _finish(row, rows, rows_sha256, sha256, size, actor=actor, now=clock())


def _write_report(row: Export, file: IO[bytes], clock: Callable[[], datetime]) -> tuple[int, str]:
    now = clock()
    with tenant_scope(row.tenant_id):
        report = read_report(row, now)
    # Told and written outside of that transaction: its page shows how far it is, and an erasure waits for no file.
    _tell(row, clock(), rows=0, total=len(report.rows))
    write_report(report, row, file, now)
    _tell(row, clock(), rows=len(report.rows))
    return len(report.rows), report.sha256


def _write_events(row: Export, file: IO[bytes], clock: Callable[[], datetime]) -> int:
    with tenant_scope(row.tenant_id):
        reached = database_clock()
        wanted = EventFilter.of(row.question)
        wanted = replace(wanted, until=min(wanted.until or reached, reached))
        total = matching(wanted).count()
    _tell(row, clock(), total=total)
    return _write(row, wanted, _writer(row, file, reached), clock)


def _writer(row: Export, file: IO[bytes], reached: datetime) -> Writer:
    about = About(
        tenant_id=row.tenant_id,
        tenant=row.tenant_name,
        question=question_lines(EventFilter.of(row.question)),
        asked_by=row.asked_by_name,
        purpose=row.purpose,
        until=reached,
        made_at=reached,
    )
    return Paper(file, about) if row.format == Format.PDF else WRITERS[row.format](file, about)


def question_lines(wanted: EventFilter) -> list[tuple[str, str]]:
    """What was asked for, line by line; nothing for everything."""
    period = [
        f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M}" if moment else ""
        for moment in (wanted.since, wanted.until)
    ]
    lines = [
        (_("Period (JST)"), " – ".join(period) if any(period) else ""),
        (_("Kind"), wanted.kind),
        (_("Person"), wanted.actor),
        (_("Role"), wanted.role),
        (_("Subject"), wanted.subject),
        (_("Outcome"), wanted.outcome),
        (_("Address"), wanted.address),
        (_("Session"), wanted.session),
        (_("Text"), wanted.q),
        (_("Off hours"), _("Only these") if wanted.off_hours else ""),
        (_("For somebody else"), _("Only these") if wanted.proxy else ""),
    ]
    return [line for line in lines if line[1]]


def _write(row: Export, wanted: EventFilter, writer: Writer, clock: Callable[[], datetime]) -> int:
    rows, mark = 0, _FROM_THE_BEGINNING
    while True:
        with tenant_scope(row.tenant_id):
            events, mark = in_order(wanted, mark, limit=PAGE)
            for event in events:
                try:
                    writer.add(event)
                except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
                    raise _Poisoned(event.link.seq) from error
        if mark is None:
            break
        rows += len(events)
        _tell(row, clock(), rows=rows)
    writer.close()
    return rows


def _store(row: Export, file: IO[bytes], clock: Callable[[], datetime]) -> tuple[str, int]:
    """The file in parts of a megabyte; returns its SHA-256 and length."""
    digest, number, size = hashlib.sha256(), 0, 0
    file.seek(0)
    while data := file.read(PART_BYTES):
        digest.update(data)
        size += len(data)
        with tenant_scope(row.tenant_id):
            # In one transaction: whoever was overtaken, or whose file an erasure took back, puts nothing beside it any more.
            _tell(row, clock())
            ExportPart(tenant_id=row.tenant_id, export_id=row.id, number=number, data=data).save(
                force_insert=True
            )
        number += 1
    return digest.hexdigest(), size


def _tell(row: Export, now: datetime, **changes: int) -> None:
    """How far it is; `started_at` moves on with it, so that it is not taken for left behind. Raises _Overtaken."""
    with tenant_scope(row.tenant_id):
        mine = Export.objects.filter(id=row.id, state=Making.RUNNING, started_at=row.started_at)
        if not mine.update(started_at=now, **changes):
            raise _Overtaken
    row.started_at = now


def _finish(
    row: Export, rows: int, rows_sha256: str, sha256: str, size: int, *, actor: Actor, now: datetime
) -> None:
    with tenant_scope(row.tenant_id):
        done = Export.objects.filter(id=row.id, state=Making.RUNNING, started_at=row.started_at).update(
            state=Making.READY,
            finished_at=now,
            expires_at=now + KEPT,
            rows=rows,
            total=rows,
            bytes=size,
            sha256=sha256,
            rows_sha256=rows_sha256,
        )
        if not done:
            raise _Overtaken
        detail: dict[str, object] = {
            "export": str(row.id), "format": row.format, "bytes": size, "sha256": sha256,
            "asked_by": Principal(row.asked_by_id, row.asked_by_name),
        }  # fmt: skip
        if row.report:
            detail |= facts_of(row) | {"rows": rows, "rows_sha256": rows_sha256}
        else:
            detail["events"] = rows
        kind = "report.made" if row.report else "ledger.export_made"
        record(kind, actor=actor, subject=_log(row), now=now, detail=detail)


def _fail(row: Export, problem: str, *, actor: Actor, now: datetime) -> None:
    with tenant_scope(row.tenant_id):
        mine = Export.objects.filter(id=row.id, state=Making.RUNNING, started_at=row.started_at)
        if not mine.update(state=Making.FAILED, finished_at=now, problem=problem):
            return
        ExportPart.objects.filter(export_id=row.id).delete()
        detail: dict[str, object] = {"export": str(row.id), "format": row.format, "problem": problem}
        record(
            "ledger.export_failed", actor=actor, subject=_log(row), now=now, outcome="failed", detail=detail
        )


def _log(row: Export) -> Subject:
    return Subject("tenant", str(row.tenant_id))
