"""Switching the clock on or off for one account: the confirmed operation that every automatic action rests on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from infra.models import AwsAccount, Resource
from infra.models.account import Automation
from infra.operations.plans import replan
from infra.queries.rules import rules_at
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    mode = str(parameters.get("mode", ""))
    if mode not in Automation.values:
        raise Refused("bad_parameter", name="mode", allowed=", ".join(Automation.values))
    return {"mode": mode}


def target_of_account(account: AwsAccount) -> OperationTarget:
    return OperationTarget("account", str(account.id), str(account))


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Set the mode and plan every resource from now on: what lies before the confirmation is not caught up."""
    account = AwsAccount.objects.select_for_update().get(id=operation.target_id)
    before = account.automation
    account.automation = operation.parameters["mode"]
    account.automation_operation = str(operation.id)
    account.automation_confirmed_by_id = operation.confirmed_by_id
    account.automation_confirmed_by_name = operation.confirmed_by_name
    account.automation_confirmed_at = now
    account.save()
    present = Resource.objects.filter(account=account, gone_at__isnull=True)
    rows = present.select_related("account").select_for_update(of=("self",)).order_by("id")
    planned = replan(rows, rules_at(now), since=now)
    return {"before": before, "after": account.automation, "resources": planned}
