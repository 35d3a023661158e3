"""The brake: when one round would stop too large a share of a tenant, a person decides before anything is stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from infra.domain.power import Power
from infra.models import HeldRound, Resource, TenantRules
from infra.operations.owing import due_as_json, due_of_json
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
#: Whatever is not known to be off counts as running.
_OFF = (Power.STOPPED, Power.GONE)
_TURNED_DOWN = (State.REJECTED, State.WITHDRAWN, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class _Share:
    """Ids of resources: what runs or was stopped by this round, and what of it this round stops, as far as is known."""

    base: frozenset[str]
    stopping: frozenset[str]

    def beyond(self, rules: TenantRules) -> bool:
        number = len(self.stopping & self.base)
        return number >= rules.brake_least and number * 100 > (rules.brake_percent or 100) * len(self.base)


def hold(dues: Sequence[Due], *, actor: Actor, now: datetime) -> list[Due]:
    """Give back what may be entered now; stops beyond the tenant's limit are kept for a person to decide, see `ask`.

    Starts, stops of what is known to be off, what is recorded as missed, and what a person's override asks for are never
    held. All stops that are due count, also those that are entered in a later step, and those held already.
    """
    rules: TenantRules | None = TenantRules.objects.first()
    wishes = [
        due
        for due in dues
        if due.kind.endswith(".stop") and not due.missed and not due.authority.source.startswith("override:")
    ]
    if rules is None or rules.brake_percent is None or not wishes:
        return list(dues)
    running = _ids(Resource.objects.filter(gone_at__isnull=True).exclude(state__in=_OFF))
    stops = [due for due in wishes if due.target.id in running]
    share = _share(running, frozenset(due.target.id for due in stops), now)
    if not stops or not share.beyond(rules):
        return list(dues)
    waiting = _held()
    new = [due for due in stops if due.target.id not in waiting]
    _keep(new, running=len(share.base), limit=rules.brake_percent, actor=actor, now=now)
    held = {due.dedupe_key for due in stops}
    return [due for due in dues if due.dedupe_key not in held]


def _share(running: frozenset[str], stops: frozenset[str], now: datetime) -> _Share:
    recent = Operation.objects.filter(
        policy="schedule", kind__endswith=".stop", entered_at__gte=now - SAME_ROUND
    ).exclude(authority__source__startswith="override:")
    released = frozenset(
        recent.filter(authority__reason__has_key="round").values_list("target_id", flat=True)
    )
    came_to_nothing = (State.FAILED, State.MISSED, State.CANCELLED)
    entered = frozenset(
        recent.exclude(state__in=came_to_nothing)
        .exclude(outcome="already")
        .exclude(target_id__in=released)
        .values_list("target_id", flat=True)
    )
    due = Resource.objects.filter(next_change_at__lte=now, next_action="stop", gone_at__isnull=True)
    held = _held()
    return _Share((running - released) | entered, stops | entered | held | (_ids(due) & running))


def _held() -> frozenset[str]:
    """Ids of resources on whose stop a person has yet to decide: nobody is asked twice."""
    return frozenset(
        item["resource"] for row in HeldRound.objects.filter(settled_at__isnull=True) for item in row.items
    )


def _ids(rows: QuerySet[Resource]) -> frozenset[str]:
    return frozenset(str(pk) for pk in rows.values_list("id", flat=True))


def _keep(stops: Sequence[Due], *, running: int, limit: int, actor: Actor, now: datetime) -> None:
    """Collect stops in the round of this tick; the question is put when all of it is known."""
    items = [
        {"resource": due.target.id, "kind": due.kind, "due_at": utc_text(due.due_at), "due": due_as_json(due)}
        for due in stops
    ]
    row = HeldRound.objects.filter(operation="", settled_at__isnull=True).select_for_update().first()
    if not items:
        return
    if row is None:
        HeldRound.objects.create(
            tenant_id=actor.tenant_id, held_at=now, running=running, limit_percent=limit, items=items
        )
        return
    row.items = [*row.items, *items]
    row.save(update_fields=["items"])


def ask(*, actor: Actor, now: datetime) -> None:
    """Put the question for what was kept: one a round, however many steps it took. Needs the tenant bound."""
    for row in HeldRound.objects.filter(operation="", settled_at__isnull=True).select_for_update():
        names = sorted(item["due"]["target"]["name"] for item in row.items)
        share = f"{len(row.items)}/{row.running}"
        operation = entry.enter(
            KIND,
            OperationTarget("round", str(row.id), share),
            {"count": len(row.items), "running": row.running, "limit": row.limit_percent, "names": names[:NAMES_SHOWN],
             "due_at": min(item["due_at"] for item in row.items)},
            actor=actor, now=now, reason=f"{share} > {row.limit_percent}%",
        )  # fmt: skip
        row.operation = str(operation.id)
        row.save(update_fields=["operation"])


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
    asked = HeldRound.objects.filter(settled_at__isnull=True).exclude(operation="")
    rows = list(asked.select_for_update().order_by("held_at", "id"))
    states = dict(Operation.objects.filter(id__in=[row.operation for row in rows]).values_list("id", "state"))
    found = []
    for row in rows:
        state = states.get(UUID(row.operation))
        if row.released_at is not None:
            found.append((row, True))
        elif state is None or state in _TURNED_DOWN:
            found.append((row, False))
    return found


def dues_of_round(row: HeldRound, now: datetime, *, released: bool) -> list[Due]:
    """The stops of a round: released, each may be done within its grace from now on; else it is recorded as missed.

    Whether it still makes sense is judged right before each call, as always.
    """
    found = []
    for item in row.items:
        due = replace(due_of_json(item["due"], now), missed="" if released else NOT_RELEASED)
        if released:
            due = replace(
                due,
                grace=now - due.due_at + (due.grace or timedelta(0)),
                reason={**due.reason, "round": row.operation, "released_by": row.released_by_name},
            )
        found.append(due)
    return found


def settle(row: HeldRound, now: datetime) -> None:
    row.settled_at = now
    row.save(update_fields=["settled_at"])
