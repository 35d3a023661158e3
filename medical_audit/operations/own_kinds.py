"""The kinds of this floor itself: ending somebody's session, what a tenant decides about sessions and confirmations."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from medical_audit.domain.kinds import Kind, OperationTarget, Policy, register
from medical_audit.domain.rights import POLICY_CONFIRM, POLICY_EDIT, SESSION_END
from medical_audit.models import Operation
from medical_audit.operations import policies, session_ends

Shown = Callable[[OperationTarget, Mapping[str, Any]], dict[str, Any]]
Apply = Callable[[Operation, datetime], dict[str, Any]]


def register_own() -> None:
    """Called once per process from this app's `ready()`."""
    register(_kind(session_ends.KIND, SESSION_END, SESSION_END, Policy.SELF, session_ends.apply))
    register(_kind(policies.KIND, POLICY_EDIT, POLICY_CONFIRM, Policy.OTHER, policies.apply))


def _kind(name: str, enter: str, confirm: str, policy: Policy, apply: Apply, **more: Any) -> Kind:
    return Kind(
        name=name,
        enter_permission=enter,
        confirm_permission=confirm,
        policy=policy,
        clean=dict,
        shown=lambda target, parameters: {"sentence": name, "call": "", **parameters},
        refusal=lambda target, parameters: None,
        apply=apply,
        **more,
    )
