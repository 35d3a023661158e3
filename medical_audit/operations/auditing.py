"""What auditors look at besides the ledger itself: each look is recorded before anything is shown."""

from collections.abc import Mapping
from datetime import datetime

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.reports import Report
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.operations.ledger import record


def note_view(page: str, since: datetime, until: datetime, *, actor: Actor, now: datetime) -> None:
    """Record that this person looks at one of the auditor's pages about [since, until). Raises NotPermitted."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    detail: dict[str, object] = {"page": page, "since": utc_text(since), "until": utc_text(until)}
    record(
        "ledger.viewed", actor=actor, subject=Subject("tenant", str(actor.tenant_id)), now=now, detail=detail
    )


def note_page(page: str, *, actor: Actor, now: datetime) -> None:
    """Record that this person looks at a page that lists people. Raises NotPermitted."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    subject = Subject("tenant", str(actor.tenant_id))
    record("ledger.viewed", actor=actor, subject=subject, now=now, detail={"page": page})


def note_window(
    window: str, rows: int, asked: Mapping[str, str], found: int | None, *, actor: Actor, now: datetime
) -> None:
    """Record that this person looks at `rows` rows of a table (app.model), and what was asked for. Raises NotPermitted.

    `found`: how many rows match, None where nothing was asked for.
    """
    actor.require(LEDGER_VIEW, actor.tenant_id)
    detail: dict[str, object] = {"window": window, "rows": rows}
    if found is not None:
        detail |= {"filter": dict(asked), "found": found}
    subject = Subject("tenant", str(actor.tenant_id))
    record("ledger.window_viewed", actor=actor, subject=subject, now=now, detail=detail)


def note_row(window: str, row: str, *, actor: Actor, now: datetime) -> None:
    """Record that this person looks at one row of a table (app.model). Raises NotPermitted."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    subject = Subject("tenant", str(actor.tenant_id))
    detail: dict[str, object] = {"window": window, "row": row}
    record("ledger.window_viewed", actor=actor, subject=subject, now=now, detail=detail)


def note_refusal(view: str, code: str, right: str, *, actor: Actor, now: datetime) -> None:
    """Record that somebody signed in was refused what he asked for; nothing was done."""
    detail: dict[str, object] = {"view": view, "code": code, "right": right or "—"}
    subject = Subject("user", actor.id, actor.name)
    record("access.denied", actor=actor, subject=subject, now=now, outcome="denied", detail=detail)


def note_report(made: Report, *, actor: Actor, now: datetime) -> None:
    """Record that this very report was read: its period, how many rows, and their hash. Raises NotPermitted."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    detail: dict[str, object] = {
        "page": f"report:{made.name}",
        "since": utc_text(made.since),
        "until": utc_text(made.until),
        "rows": len(made.rows) + made.cut,
        "sha256": made.sha256,
    }
    record(
        "ledger.viewed", actor=actor, subject=Subject("tenant", str(actor.tenant_id)), now=now, detail=detail
    )
