"""Whether receivers of the stream lag behind: told once when it begins and once when it ends, in the ledger of the tenant."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from medical_audit.domain.actor import Actor, Subject
from medical_audit.operations.ledger import record
from medical_audit.operations.sealer import report
from medical_audit.queries import seals
from medical_audit.queries.streams import LATE_DUTY, stream_lines
from medical_audit.tenancy import platform_scope, tenant_scope

#: A receiver that is restarted is no news; from this lag on people are told.
LATE: Final = timedelta(minutes=10)


def watch_streams(*, actor: Actor, now: datetime) -> int:
    """Needs the audit role; `actor`: the sealer, of the platform; `now`: the database's clock. Gives how many receivers began to lag or caught up."""
    if not settings.TOBAN_STREAMS:
        return 0
    with platform_scope():
        found, duties, newest = seals.progress(), seals.duties(), seals.newest_checkpoint()
    told = 0
    for one in found:
        with tenant_scope(one.tenant_id):
            lines = stream_lines(
                one.tenant_id, duties, events=one.seq, newest=newest.number if newest else 0, now=now
            )
            for line in lines:
                name = f"{LATE_DUTY}{line.name}:{one.tenant_id}"
                was = name in duties and bool(duties[name].problem)
                is_late = line.lag is not None and line.lag > LATE
                if is_late == was:
                    continue
                detail: dict[str, object] = {"stream": line.name, "behind": line.behind, "code": line.problem}
                record(
                    "ledger.stream_late" if is_late else "ledger.stream_caught_up",
                    actor=replace(actor, tenant_id=one.tenant_id),
                    subject=Subject("ledger", "stream", line.name),
                    now=now,
                    outcome="failed" if is_late else "ok",
                    detail=detail,
                )
                told += 1
        for line in lines:
            name = f"{LATE_DUTY}{line.name}:{one.tenant_id}"
            report(name, line.number, "late" if line.lag is not None and line.lag > LATE else "")
    return told
