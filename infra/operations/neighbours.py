"""What other operations say of one: a start that found its server running, and the order within a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from infra.domain.schedule import Action
from infra.models import Resource
from infra.models.resource import ResourceKind
from medical_audit.domain.kinds import Drop, Later
from medical_audit.domain.states import OPEN, State
from medical_audit.models import Operation

DATABASES = (str(ResourceKind.RDS), str(ResourceKind.CLUSTER))
SERVERS = (str(ResourceKind.EC2), str(ResourceKind.ASG))
#: Operations that fell due further apart do not wait for each other.
SAME_TIME = timedelta(hours=2)
LOOK_IN = timedelta(seconds=15)


def held_back(
    operations: Sequence[Operation], resources: Mapping[UUID, Resource], action: Action
) -> dict[UUID, Drop | Later]:
    """Which of these must not be called now, and why, by operation id. Needs the tenant bound.

    retain: what ran already at its last scheduled start is left on. ordered: servers start after the databases of their
    project, databases stop after its servers; one that has ended, however, is waited for no longer.
    """
    found: dict[UUID, Drop | Later] = {}
    retained = _ran_before([one for one in operations if one.parameters.get("retain")])
    for one in operations:
        if one.id in retained:
            found[one.id] = Drop("retained")
        elif one.parameters.get("ordered") and one.id in resources:
            row = resources[one.id]
            first = _goes_first(row.kind, action)
            if first and _under_way(row, one, first, action):
                code = "waits_for_databases" if action is Action.START else "waits_for_servers"
                found[one.id] = Later(code, LOOK_IN)
    return found


def _goes_first(kind: str, action: Action) -> tuple[str, ...]:
    """The kinds that this one waits for."""
    if action is Action.START:
        return DATABASES if kind in SERVERS else ()
    return SERVERS if kind in DATABASES else ()


def _under_way(row: Resource, one: Operation, kinds: Sequence[str], action: Action) -> bool:
    mates = Resource.objects.filter(project=row.project, kind__in=kinds, gone_at__isnull=True)
    waiting = Operation.objects.filter(
        target_type="resource", target_id__in=[str(pk) for pk in mates.values_list("id", flat=True)],
        kind__in=[f"{kind}.{action}" for kind in kinds], state__in=[str(state) for state in OPEN],
        due_at__gte=one.due_at - SAME_TIME, due_at__lte=one.due_at + SAME_TIME,
    ).exclude(state=State.ENTERED)  # fmt: skip
    return bool(waiting.exists())


def _ran_before(operations: Sequence[Operation]) -> set[UUID]:
    """Stops whose resource's last scheduled start found it running already."""
    targets = {one.target_id: one.id for one in operations}
    starts = Operation.objects.filter(
        policy="schedule", kind__endswith=".start", target_type="resource", target_id__in=list(targets)
    )
    last = starts.order_by("target_id", "-due_at", "-id").distinct("target_id")
    return {targets[one.target_id] for one in last if one.outcome == "already"}
