"""What a tenant decides about sessions and confirmations; changed by a confirmed operation only."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.rights import POLICY_EDIT
from medical_audit.models import Operation, TenantPolicy
from medical_audit.operations import entry
from medical_audit.queries.policies import SECOND_FACTOR_FROM, Policy, policy_here
from medical_audit.tenancy import tenant_scope

KIND = "policy.change"
#: Name -> least and most, both allowed.
BOUNDS = {"idle_minutes": (1, 30), "grace_seconds": (0, 900), "escalate_hours": (1, 168)}


def enter_policy(wanted: Policy, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter a change; another person confirms it. Raises NotPermitted, Refused (bad_parameter, nothing_changed)."""
    actor.require(POLICY_EDIT, actor.tenant_id)
    after = asdict(wanted)
    for name, (least, most) in BOUNDS.items():
        if not least <= after[name] <= most:
            raise Refused("bad_parameter", name=name, allowed=f"{least}-{most}")
    if wanted.second_factor_day > date.fromisoformat(SECOND_FACTOR_FROM):
        raise Refused("bad_parameter", name="second_factor_from", allowed=f"- {SECOND_FACTOR_FROM}")
    with tenant_scope(actor.tenant_id):
        before = asdict(policy_here())
        if before == after:
            raise Refused("nothing_changed")
        target = OperationTarget("policy", str(actor.tenant_id), "")
        return entry.enter(KIND, target, {"before": before, **after}, actor=actor, now=now, reason=reason)


def refuse_changed(operation: Operation, now_holds: Mapping[str, Any]) -> None:
    """What was decided after this was entered was on nobody's sheet, and is not undone by it. Raises Refused (rules_changed)."""
    before = operation.parameters["before"]
    if any(now_holds[name] != value for name, value in before.items()):
        raise Refused("rules_changed")


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Write the policy; it holds from the next request on. Raises Refused (rules_changed)."""
    refuse_changed(operation, asdict(policy_here()))
    row: TenantPolicy = TenantPolicy.objects.select_for_update().first() or TenantPolicy(
        tenant_id=operation.tenant_id
    )
    for name in BOUNDS:
        setattr(row, name, operation.parameters[name])
    row.second_factor_from = date.fromisoformat(
        operation.parameters.get("second_factor_from", SECOND_FACTOR_FROM)
    )
    row.operation, row.changed_at = str(operation.id), now
    row.save()
    return {"before": operation.parameters["before"]}
