"""A tenant makes the confirmation of a kind stricter than it is; never looser than the kind itself asks for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget, Policy, all_kinds, get_kind, strictness
from medical_audit.domain.people import directory
from medical_audit.domain.rights import POLICY_EDIT
from medical_audit.models import ConfirmPolicy, Operation
from medical_audit.operations import entry
from medical_audit.operations.authorising import policy_of
from medical_audit.operations.policies import refuse_changed
from medical_audit.tenancy import tenant_scope

KIND = "policy.confirm"


def enter_confirm_policy(
    kind_name: str, policy: str, role: str, *, actor: Actor, now: datetime, reason: str
) -> Operation:
    """Enter who must confirm a kind from now on; another person confirms that.

    Raises NotPermitted, Refused (unknown_kind, policy_fixed, policy_too_loose, role_without_right, nothing_changed).
    """
    actor.require(POLICY_EDIT, actor.tenant_id)
    kind = get_kind(kind_name)
    if kind.own or kind.policy == Policy.SCHEDULE:
        raise Refused("policy_fixed", kind=kind_name)
    if policy not in (Policy.SELF, Policy.OTHER, Policy.TWO) or strictness(policy) < strictness(kind.policy):
        raise Refused("policy_too_loose", kind=kind_name)
    role = role if policy == Policy.TWO else ""
    if policy == Policy.TWO and role not in directory().roles_with(kind.confirm_permission):
        raise Refused("role_without_right", kind=kind_name, role=role)
    with tenant_scope(actor.tenant_id):
        before = policy_of(kind)
        if (str(before[0]), before[1]) == (policy, role):
            raise Refused("nothing_changed")
        parameters = {
            "before": {"policy": str(before[0]), "role": before[1]}, "kind": kind_name, "policy": str(policy), "role": role,
        }  # fmt: skip
        target = OperationTarget("confirm_policy", kind_name, kind_name)
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason)


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Hold it; what waits already keeps the policy that it was entered under. Raises Refused (rules_changed)."""
    given = operation.parameters
    policy, role = policy_of(get_kind(given["kind"]))
    refuse_changed(operation, {"policy": str(policy), "role": role})
    row: ConfirmPolicy = ConfirmPolicy.objects.select_for_update().filter(
        kind=given["kind"]
    ).first() or ConfirmPolicy(tenant_id=operation.tenant_id, kind=given["kind"])
    row.policy, row.role, row.operation, row.changed_at = (
        given["policy"],
        given["role"],
        str(operation.id),
        now,
    )
    row.save()
    return {"before": given["before"]}


@dataclass(frozen=True, slots=True)
class KindPolicy:
    """What holds for one kind here; `own`: the tenant decided it, `choices`: how strict it may be, `roles`: for `two`."""

    kind: str
    policy: str
    role: str
    own: bool
    choices: tuple[str, ...]
    roles: tuple[str, ...]


def kind_policies() -> list[KindPolicy]:
    """Every kind that a person enters and a tenant may make stricter, by name."""
    decided = {row.kind: row for row in ConfirmPolicy.objects.all()}
    found = []
    for kind in sorted(all_kinds(), key=lambda one: one.name):
        roles = directory().roles_with(kind.confirm_permission)
        if kind.own or kind.policy == Policy.SCHEDULE or not roles:
            continue
        row = decided.get(kind.name)
        choices = tuple(
            str(one)
            for one in (Policy.SELF, Policy.OTHER, Policy.TWO)
            if strictness(one) >= strictness(kind.policy)
        )
        policy, role = (row.policy, row.role) if row else (str(kind.policy), "")
        found.append(KindPolicy(kind.name, policy, role, row is not None, choices, roles))
    return found
