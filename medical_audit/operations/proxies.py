"""Proxy entries that wait too long: said again after each escalation period, until somebody confirms or they expire."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from medical_audit.domain.actor import Actor, Principal
from medical_audit.domain.states import State
from medical_audit.models import Deputy, Event, Operation
from medical_audit.operations.ledger import record_many
from medical_audit.operations.moves import event_of
from medical_audit.queries.policies import policy_here
from medical_audit.tenancy import tenant_scope

ESCALATED = "operation.escalated"


def escalate(tenant_id: UUID, *, actor: Actor, now: datetime) -> int:
    """Record each period that has passed once; the event names whose turn it is."""
    with tenant_scope(tenant_id):
        period = timedelta(hours=policy_here().escalate_hours)
        waiting = Operation.objects.filter(state=State.ENTERED, entered_at__lte=now - period).exclude(
            on_behalf_of_id=""
        )
        rows = list(waiting.select_for_update(skip_locked=True).order_by("entered_at", "id"))
        told = Counter(
            Event.objects.filter(kind=ESCALATED, operation_id__in=[str(row.id) for row in rows]).values_list(
                "operation_id", flat=True
            )
        )
        events = []
        for row in rows:
            passed = (now - row.entered_at) // period
            if passed <= told[str(row.id)]:
                continue
            deputies = Deputy.objects.filter(
                principal_id=row.on_behalf_of_id, place__lte=passed + 1
            ).order_by("place")
            named = list(deputies.values_list("deputy_id", "deputy_name"))
            events.append(
                event_of(
                    row, ESCALATED, actor=actor, now=now, principal=row.on_behalf_of_name, deputies=[Principal(*one) for one in named],
                    hours=int((now - row.entered_at).total_seconds() // 3600),
                )
            )  # fmt: skip
        record_many(tenant_id, events)
    return len(events)
