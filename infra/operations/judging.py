"""Whether what the clock once wanted is still wanted: asked with what AWS shows, and once more as the last thing before a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from infra.domain.duty import objection
from infra.domain.schedule import Action, State, Unreadable
from infra.models import Resource
from infra.models.account import Automation
from infra.queries.rules import Rules, rules_at
from medical_audit.domain.kinds import Drop
from medical_audit.models import Operation


def no_longer_wanted(
    rules: Rules, row: Resource, operation: Operation, now: datetime, tags: Mapping[str, str] | None = None
) -> Drop | None:
    """Why a start or stop of the clock must not be called, or None: what is wanted now decides. Needs `row.account`.

    tags: as AWS shows them; without them those of the row.
    """
    if row.account.automation != Automation.ON:
        return Drop("automation_off")
    duty = rules.duty(row, tags)
    if duty.excluded is not None or isinstance(duty.schedule, Unreadable):
        return Drop("tags_changed")
    if duty.schedule is None and not duty.windows:
        return Drop("tags_changed")
    found = objection(duty, Action(operation.kind.rpartition(".")[2]), operation.due_at, now)
    if found is None:
        return None
    state, reason = found
    code = "left_alone" if state is State.ANY else "superseded"
    return Drop(code, detail={"wanted": str(state), "because": reason.as_json()})


def objections(operations: Sequence[Operation], now: datetime) -> dict[UUID, Drop]:
    """Which of these the rules of this very moment speak against, by operation id. Needs the tenant bound."""
    mine = [one for one in operations if one.policy == "schedule"]
    if not mine:
        return {}
    rows = Resource.objects.filter(id__in=[one.target_id for one in mine]).select_related("account")
    resources, rules = {str(row.id): row for row in rows}, rules_at(now)
    asked = {
        one.id: no_longer_wanted(rules, resources[one.target_id], one, now)
        for one in mine
        if one.target_id in resources
    }
    return {key: drop for key, drop in asked.items() if drop is not None}
