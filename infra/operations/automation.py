"""Switching the clock on or off for one account: the confirmed operation that every automatic action rests on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.models import AwsAccount, Resource
from infra.models.account import Automation
from infra.operations.owing import owe
from infra.operations.plans import PLAN_FIELDS, plan
from infra.queries.rules import rules_at
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.writing import write_rows
from medical_audit.tenancy import tenant_scope

KIND = "account.automation"


def clean(parameters: Mapping[str, Any]) -> dict[str, Any]:
    mode = str(parameters.get("mode", ""))
    if mode not in Automation.values:
        raise Refused("bad_parameter", name="mode", allowed=", ".join(Automation.values))
    return {"mode": mode}


def target_of_account(account: AwsAccount) -> OperationTarget:
    return OperationTarget("account", str(account.id), str(account))


def enter_automation(account_id: UUID, mode: str, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that the clock is switched on or off for an account; another person confirms it.

    Raises NotPermitted, NotFound, Refused (bad_parameter, nothing_changed, reason_missing).
    """
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    wanted = clean({"mode": mode})
    with tenant_scope(actor.tenant_id):
        account: AwsAccount | None = AwsAccount.objects.filter(id=account_id).first()
        if account is None:
            raise NotFound(type="account", id=str(account_id))
        if account.automation == wanted["mode"]:
            raise Refused("nothing_changed")
        return entry.enter(KIND, target_of_account(account), wanted, actor=actor, now=now, reason=reason)


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Set the mode and plan every resource from now on: what lies before the confirmation is not caught up."""
    present = Resource.objects.filter(account_id=operation.target_id, gone_at__isnull=True)
    rows = list(present.select_related("account").select_for_update(of=("self",)).order_by("id"))
    rules = rules_at(now)
    for row in rows:
        owe(row, rules, now)
    account = AwsAccount.objects.select_for_update().get(id=operation.target_id)
    before = account.automation
    account.automation = operation.parameters["mode"]
    account.automation_operation = str(operation.id)
    account.automation_confirmed_by_id = operation.confirmed_by_id
    account.automation_confirmed_by_name = operation.confirmed_by_name
    account.automation_confirmed_at = now
    account.save()
    for row in rows:
        row.account = account
        plan(row, rules, since=now)
    write_rows(rows, PLAN_FIELDS)
    return {"before": before, "after": account.automation, "resources": len(rows)}
