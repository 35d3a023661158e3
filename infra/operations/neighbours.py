"""What other operations say of one: a start that found its server running, and the order within a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from infra.domain.reasons import CORRECTIONS, ReasonCode
from infra.domain.schedule import Action
from infra.models import Resource
from infra.models.resource import ResourceKind
from medical_audit.domain.kinds import Drop, Go, Later
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation

DATABASES = (str(ResourceKind.RDS), str(ResourceKind.CLUSTER))
SERVERS = (str(ResourceKind.EC2), str(ResourceKind.ASG))
#: Operations that fell due further apart do not wait for each other.
SAME_TIME = timedelta(hours=2)
LOOK_IN = timedelta(seconds=15)
#: A neighbour whose own start or stop takes longer than this is waited for no longer.
PATIENCE = timedelta(minutes=30)
NAMES_SHOWN = 10
_NOT_ITS_HOURS = [str(code) for code in (*CORRECTIONS, ReasonCode.MAINTENANCE)]


def held_back(
    operations: Sequence[Operation], resources: Mapping[UUID, Resource], action: Action, now: datetime
) -> dict[UUID, Drop | Later | Go]:
    """Which of these must not be called now, and why, by operation id. Needs the tenant bound.

    retain: what ran already at its last scheduled start is left on. ordered: servers start after the databases of their
    project, databases stop after its servers; for one that has ended, or does not get anywhere, nobody waits: Go then
    says for whom it was waited in vain.
    """
    found: dict[UUID, Drop | Later | Go] = {}
    retained = _ran_before([one for one in operations if one.parameters.get("retain")])
    for one in operations:
        if one.id in retained:
            found[one.id] = Drop("retained")
        elif one.parameters.get("ordered") and one.id in resources:
            row = resources[one.id]
            first = _goes_first(row.kind, action)
            names = _under_way(row, one, first, action) if first else []
            if names and now - max(one.due_at, one.entered_at) <= _patience(one):
                code = "waits_for_databases" if action is Action.START else "waits_for_servers"
                found[one.id] = Later(code, LOOK_IN, detail={"waits_for": names})
            elif names:
                found[one.id] = Go({"did_not_wait_for": names})
    return found


def _patience(one: Operation) -> timedelta:
    """How long one waits for its neighbours: in time to be done itself, and never for ever."""
    return min(PATIENCE, (one.deadline - max(one.due_at, one.entered_at)) / 2)


def _goes_first(kind: str, action: Action) -> tuple[str, ...]:
    """The kinds that this one waits for."""
    if action is Action.START:
        return DATABASES if kind in SERVERS else ()
    return SERVERS if kind in DATABASES else ()


def _under_way(row: Resource, one: Operation, kinds: Sequence[str], action: Action) -> list[str]:
    """Names of the neighbours whose own start or stop has not ended."""
    mates = Resource.objects.filter(project=row.project, kind__in=kinds, gone_at__isnull=True)
    waiting = Operation.objects.filter(
        target_type="resource", target_id__in=[str(pk) for pk in mates.values_list("id", flat=True)],
        kind__in=[f"{kind}.{action}" for kind in kinds], state__in=[str(state) for state in OPEN],
        due_at__gte=one.due_at - SAME_TIME, due_at__lte=one.due_at + SAME_TIME,
    ).exclude(state=State.ENTERED)  # fmt: skip
    return list(waiting.order_by("target_name").values_list("target_name", flat=True)[:NAMES_SHOWN])


def _ran_before(operations: Sequence[Operation]) -> set[UUID]:
    """Stops whose resource ran already when its hours last began.

    What put it right or kept it on in between (a correction, an override, a maintenance window, a person) says nothing
    about that.
    """
    targets = {one.target_id for one in operations}
    starts = Operation.objects.filter(
        policy="schedule", kind__endswith=".start", target_type="resource", target_id__in=targets
    ).exclude(authority__source__startswith="override:")
    hours = starts.exclude(authority__reason__because__code__in=_NOT_ITS_HOURS)
    last = hours.order_by("target_id", "-due_at", "-id").distinct("target_id")
    found = {one.target_id for one in last if one.outcome == "already"}
    return {one.id for one in operations if one.target_id in found}
