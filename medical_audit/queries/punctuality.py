"""The same judgement as medical_audit.domain.punctuality, asked of the database; and how a month was kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, Q, QuerySet, Value, When

from medical_audit.domain.actor import Actor
from medical_audit.domain.kinds import Policy
from medical_audit.domain.punctuality import ALREADY, LATE_AFTER, MISSED_STATES, Kept
from medical_audit.domain.rights import OPERATION_VIEW
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation

#: Starts and stops of the clock: what "planned" means here. What else the clock enters (a name for a volume, a new certificate
#: in its window, the deletion of an old snapshot) has no instant to be kept.
PLANNED: Mapping[str, Any] = {
    "policy": str(Policy.SCHEDULE), "target_type": "resource", "kind__regex": r"\.(start|stop)$",
}  # fmt: skip


def planned() -> QuerySet[Operation]:
    rows: QuerySet[Operation] = Operation.objects.filter(**PLANNED)
    return rows


def conditions(now: datetime) -> Mapping[str, Q]:
    """Which rows are which, by Kept; each row is exactly one of them."""
    still_open, late_now = Q(state__in=sorted(map(str, OPEN))), Q(due_at__lt=now - LATE_AFTER)
    succeeded = Q(state=str(State.SUCCEEDED))
    late_done = succeeded & ~Q(outcome=ALREADY) & Q(finished_at__gt=F("due_at") + LATE_AFTER)
    missed, failed = Q(state__in=sorted(map(str, MISSED_STATES))), Q(state=str(State.FAILED))
    return {
        Kept.ON_TIME: succeeded & ~late_done,
        Kept.LATE: late_done | (still_open & late_now),
        Kept.MISSED: missed,
        Kept.FAILED: failed,
        Kept.DUE: still_open & ~late_now,
        Kept.LEFT_OUT: ~succeeded & ~still_open & ~missed & ~failed,
    }


def kept_between(begin: datetime, end: datetime, *, actor: Actor, now: datetime) -> dict[Kept, int]:
    """How many planned starts and stops due in `begin <= due_at < end` were kept, and how; every Kept is a key.

    The clock enters nothing before it is due, so that the index on `entered_at` finds them.
    """
    actor.require(OPERATION_VIEW, actor.tenant_id)
    whens = [When(condition, then=Value(str(kind))) for kind, condition in conditions(now).items()]
    rows = planned().filter(entered_at__gte=begin, due_at__gte=begin, due_at__lt=end)
    counts = dict(
        rows.order_by().annotate(kept=Case(*whens)).values_list("kept").annotate(number=Count("id"))
    )
    return {kind: counts.get(str(kind), 0) for kind in Kept}


def planned_of(target_id: str, *, actor: Actor, since: datetime, limit: int) -> list[Operation]:
    """The newest planned starts and stops of one resource."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = planned().filter(target_id=target_id, entered_at__gte=since)
    return list(rows.order_by("-entered_at", "-id")[:limit])
