"""Keeping how the clocks stand; that they part, and that they agree again, is an event of the platform."""

from datetime import datetime, timedelta

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.clocks import ClockState, Skew
from medical_audit.models import ClockReading
from medical_audit.operations.ledger import record
from medical_audit.queries.clocks import last_reading
from medical_audit.tenancy import platform_scope

#: Longer than the year that an auditor looks back on.
KEPT = timedelta(days=400)
#: No millisecond beyond this is told more exactly: a clock that stands in another year.
MOST_MS = 2_000_000_000


def keep_reading(skew: Skew, machine: str, *, actor: Actor, now: datetime) -> ClockReading:
    """Keep one measurement, and drop those that are older than anybody asks for."""
    row = ClockReading(
        at=now, machine=machine[:100], machine_ms=_ms(skew.machine), source=skew.source[:200], stratum=skew.stratum,
        database_ms=None if skew.database is None else _ms(skew.database), state=skew.state, problem=skew.problem,
    )  # fmt: skip
    with platform_scope():
        before = last_reading(row.machine)
        row.save(force_insert=True)
        ClockReading.objects.filter(at__lt=now - KEPT).delete()
        was, is_ = before is not None and before.state == ClockState.OVER, row.state == ClockState.OVER
        if was != is_:
            kind = "clock.skewed" if is_ else "clock.steady"
            subject = Subject("clock", row.machine, row.machine)
            detail: dict[str, object] = {
                "machine_ms": row.machine_ms,
                "database_ms": row.database_ms,
                "source": row.source,
            }
            record(
                kind, actor=actor, subject=subject, now=now, outcome="failed" if is_ else "ok", detail=detail
            )
    return row


def _ms(value: timedelta) -> int:
    return max(-MOST_MS, min(MOST_MS, round(value.total_seconds() * 1000)))
