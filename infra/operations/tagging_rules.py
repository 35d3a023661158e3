"""Changing which tags volumes get from their servers: entered with what it would write, confirmed by another person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from infra.domain.tagging import KEYS_MAX, Rules, key_problem, rules_from_json
from infra.models import AwsAccount, TaggingRule
from infra.queries.tagging import cut_by_features, preview, rule_of, told
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.tenancy import tenant_scope

KIND = "tagging.rules"
#: So many lines of what would be written are part of what is confirmed.
LINES_MAX = 100


def proposal(
    account_id: UUID | None, rules: Rules, *, actor: Actor
) -> tuple[OperationTarget, dict[str, Any]]:
    """What a change would be; None: the rule of all accounts that have none of their own.

    Raises NotPermitted, NotFound, Refused (nothing_changed, bad_parameter, what is wrong with a key).
    """
    actor.require(Permission.AUTOMATION_ENTER, actor.tenant_id)
    if not 1 <= len(rules.keys) <= KEYS_MAX:
        raise Refused("bad_parameter", name="keys", allowed=f"1-{KEYS_MAX}")
    for key in rules.keys:
        if problem := key_problem(key):
            raise Refused(problem, target=key)
    with tenant_scope(actor.tenant_id):
        target, before, accounts = _concerned(account_id)
        if before == rules.as_json():
            raise Refused("nothing_changed")
        seen, cut = preview(rules, accounts), cut_by_features(rules, accounts)
    lines = [told(one) for one in seen.rows[:LINES_MAX]]
    return target, {
        "account": str(account_id or ""),
        "before": before or {},
        "after": rules.as_json(),
        "tagging": {
            "lines": lines, "total": seen.total, "tags": seen.tags, "overwritten": seen.overwritten, "no_room": seen.no_room,
            "observing": [str(one) for one in accounts if one.automation != "on"],
            "only_names": cut.get("names", []), "untagged": cut.get("all", []),
        },
    }  # fmt: skip


def enter_rules(
    account_id: UUID | None, rules: Rules, *, actor: Actor, now: datetime, reason: str, token: str = ""
) -> Operation:
    """Enter the change; the same token enters it once. Raises as `proposal` and `entry.enter`."""
    with tenant_scope(actor.tenant_id):
        key = f"form/{actor.id}/{token}/{KIND}/{account_id or 'tenant'}" if token else None
        if before := entry.sent_before(key):
            return before
        target, parameters = proposal(account_id, rules, actor=actor)
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def _concerned(account_id: UUID | None) -> tuple[OperationTarget, dict[str, Any] | None, list[AwsAccount]]:
    """The target, the rule of exactly this scope (None: it has none), and the accounts in which a rule of it would hold."""
    if account_id is None:
        row = TaggingRule.objects.filter(account__isnull=True).first()
        concerned = [one for one in AwsAccount.objects.order_by("account_id") if not rule_of(one).own]
        return (
            OperationTarget("tagging_rule", "tenant", ""),
            row.content if row else Rules().as_json(),
            concerned,
        )
    account = AwsAccount.objects.filter(id=account_id).first()
    if account is None:
        raise NotFound(type="account", id=str(account_id))
    row = TaggingRule.objects.filter(account=account).first()
    target = OperationTarget("tagging_rule", str(account.id), str(account))
    return target, row.content if row else None, [account]


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    after = rules_from_json(parameters["after"])
    before = rules_from_json(parameters["before"]) if parameters["before"] else None
    return {
        "sentence": KIND, "call": "", **_facts(after), "before": _facts(before) if before else {},
        "tagging": parameters["tagging"],
    }  # fmt: skip


def _facts(rules: Rules) -> dict[str, Any]:
    snapshots = "yes" if rules.snapshots else "no"
    return {"tag_keys": list(rules.keys), "tag_overwrite": str(rules.overwrite), "tag_snapshots": snapshots}


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Write the rule; it holds from the next inventory on. Raises Refused (rules_changed)."""
    account = UUID(operation.parameters["account"]) if operation.parameters["account"] else None
    known = TaggingRule.objects.select_for_update().filter(account=account).first()
    default = None if account else Rules().as_json()
    if ((known.content if known else default) or {}) != operation.parameters["before"]:
        raise Refused("rules_changed")
    row = known or TaggingRule(tenant_id=operation.tenant_id, account_id=account)
    row.content, row.operation, row.confirmed_at = operation.parameters["after"], str(operation.id), now
    row.confirmed_by_id, row.confirmed_by_name = operation.confirmed_by_id, operation.confirmed_by_name
    row.save()
    return {"before": operation.parameters["before"], "after": row.content}
