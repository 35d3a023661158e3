"""The brake: when one round would stop too large a share of a tenant, a person decides before anything is stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from infra.models import HeldRound, Resource, TenantRules
from medical_audit.domain.actor import Actor
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.automatic import Due

KIND = "round.release"
#: Stops entered so shortly before belong to the same round: large fleets are entered in several steps.
SAME_ROUND = timedelta(minutes=10)
#: How long a person may take to decide; after that the stops count as missed.
DECIDE_WITHIN = timedelta(minutes=60)
NAMES_SHOWN = 20
#: What a round ended with, when it was not released.
NOT_RELEASED = "brake_not_released"
_TURNED_DOWN = (State.REJECTED, State.WITHDRAWN, State.EXPIRED)


def hold(dues: Sequence[Due], *, actor: Actor, now: datetime) -> list[Due]:
    """Give back what may be entered now; stops beyond the tenant's limit become one round that waits for a person.

    Starts, stops of what does not run, what is recorded as missed, and what a person's override asks for are never
    held. All stops that are due count, also those that are entered in a later step, and those held already.
    """
    rules: TenantRules | None = TenantRules.objects.first()
    if rules is None or rules.brake_percent is None:
        return list(dues)
    wishes = [
        due
        for due in dues
        if due.kind.endswith(".stop") and not due.missed and not due.authority.source.startswith("override:")
    ]
    running = set(
        map(
            str,
            Resource.objects.filter(id__in=[due.target.id for due in wishes], state="running").values_list(
                "id", flat=True
            ),
        )
    )
    stops = [due for due in wishes if due.target.id in running]
    before = _just_entered(now)
    total = Resource.objects.filter(state="running", gone_at__isnull=True).count() + before
    number = max(len(stops), _still_due(now)) + before + _held_already()
    if not stops or number < rules.brake_least or number * 100 <= rules.brake_percent * total:
        return list(dues)
    _hold(stops, running=total, limit=rules.brake_percent, actor=actor, now=now)
    held = {due.dedupe_key for due in stops}
    return [due for due in dues if due.dedupe_key not in held]


def _just_entered(now: datetime) -> int:
    recent = Operation.objects.filter(
        policy="schedule", kind__endswith=".stop", entered_at__gte=now - SAME_ROUND
    )
    return (
        recent.exclude(state__in=(State.FAILED, State.MISSED, State.CANCELLED))
        .exclude(outcome="already")
        .count()
    )


def _still_due(now: datetime) -> int:
    """Stops of running resources that fall due now, whether this step of the tick sees them or a later one."""
    rows = Resource.objects.filter(
        next_change_at__lte=now, next_action="stop", state="running", gone_at__isnull=True
    )
    return rows.count()


def _held_already() -> int:
    return sum(len(row.items) for row in HeldRound.objects.filter(settled_at__isnull=True))


def _hold(stops: Sequence[Due], *, running: int, limit: int, actor: Actor, now: datetime) -> None:
    row = HeldRound(
        tenant_id=actor.tenant_id, held_at=now, running=running, limit_percent=limit,
        items=[{"resource": due.target.id, "kind": due.kind, "due_at": utc_text(due.due_at)} for due in stops],
    )  # fmt: skip
    names = sorted(due.target.name for due in stops)
    operation = entry.enter(
        KIND,
        OperationTarget("round", str(row.id), f"{len(stops)}/{running}"),
        {"count": len(stops), "running": running, "limit": limit, "names": names[:NAMES_SHOWN],
         "due_at": utc_text(min(due.due_at for due in stops))},
        actor=actor, now=now, reason=f"{len(stops)}/{running} > {limit}%",
    )  # fmt: skip
    row.operation = str(operation.id)
    row.save(force_insert=True)


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": KIND, "call": "", **parameters}


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Release the round: the next tick enters its stops. Raises StaleContent when it is settled already."""
    row = (
        HeldRound.objects.filter(id=operation.target_id, settled_at__isnull=True).select_for_update().first()
    )
    if row is None:
        raise StaleContent("round_settled")
    row.released_at, row.released_by_id, row.released_by_name = (
        now,
        operation.confirmed_by_id,
        operation.confirmed_by_name,
    )
    row.save(update_fields=["released_at", "released_by_id", "released_by_name"])
    return {"resources": len(row.items)}


def decided(now: datetime) -> list[tuple[HeldRound, bool]]:
    """Rounds on which somebody decided, or nobody in time, locked until commit; True: released."""
    rows = list(
        HeldRound.objects.filter(settled_at__isnull=True).select_for_update().order_by("held_at", "id")
    )
    states = dict(Operation.objects.filter(id__in=[row.operation for row in rows]).values_list("id", "state"))
    found = []
    for row in rows:
        state = states.get(UUID(row.operation))
        if row.released_at is not None:
            found.append((row, True))
        elif state is None or state in _TURNED_DOWN:
            found.append((row, False))
    return found


def settle(row: HeldRound, now: datetime) -> None:
    row.settled_at = now
    row.save(update_fields=["settled_at"])
