"""What holds for all schedules of a tenant: the brake; changed by a confirmed operation only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.domain.permissions import Permission
from infra.models import TenantRules
from infra.queries.brakes import brake_of
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.policies import refuse_changed
from medical_audit.tenancy import tenant_scope

KIND = "rules.change"
#: A brake that waits for more resources at once than this is none.
LEAST_MOST = 10_000


def enter_rules(
    *, brake_percent: int | None, brake_least: int, actor: Actor, now: datetime, reason: str
) -> Operation:
    """Enter a change of the brake; another person confirms it. None switches the brake off.

    Raises NotPermitted, Refused (bad_parameter, nothing_changed).
    """
    actor.require(Permission.SCHEDULE_EDIT, actor.tenant_id)
    if brake_percent is not None and not 1 <= brake_percent <= 100:
        raise Refused("bad_parameter", name="brake_percent", allowed="1-100")
    if not 1 <= brake_least <= LEAST_MOST:
        raise Refused("bad_parameter", name="brake_least", allowed=f"1-{LEAST_MOST}")
    with tenant_scope(actor.tenant_id):
        before = brake_of(TenantRules.objects.first())
        after = {"brake_percent": brake_percent, "brake_least": brake_least}
        if before == after:
            raise Refused("nothing_changed")
        target = OperationTarget("rules", "tenant", "")
        return entry.enter(KIND, target, {"before": before, **after}, actor=actor, now=now, reason=reason)


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": KIND, "call": "", **parameters}


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Write the rules; they hold from the next tick on. Raises Refused (rules_changed)."""
    known: TenantRules | None = TenantRules.objects.select_for_update().first()
    refuse_changed(operation, brake_of(known))
    row = known or TenantRules(tenant_id=operation.tenant_id)
    row.brake_percent, row.brake_least = (
        operation.parameters["brake_percent"],
        operation.parameters["brake_least"],
    )
    row.operation, row.changed_at = str(operation.id), now
    row.save()
    return {"before": operation.parameters["before"], "brake_percent": row.brake_percent}
