"""The kinds of this floor itself: sessions, policies, delegations, corrections."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from medical_audit.domain.emergencies import OPEN
from medical_audit.domain.kinds import Kind, Policy, register
from medical_audit.domain.rights import (
    DELEGATE,
    EMERGENCY_ASK,
    EMERGENCY_OPEN,
    POLICY_CONFIRM,
    POLICY_EDIT,
    RECORD_CORRECT,
    REVIEW,
    SESSION_END,
)
from medical_audit.models import Operation
from medical_audit.operations import (
    confirm_policies,
    correcting,
    delegating,
    emergencies,
    policies,
    retaining,
    reviewing,
    session_ends,
    watching,
)
from medical_audit.queries.purges import END as PURGE_END
from medical_audit.queries.purges import KIND as PURGE

Apply = Callable[[Operation, datetime], dict[str, Any]]
A_WEEK, AN_HOUR = timedelta(days=7), timedelta(hours=1)


def register_own() -> None:
    """Called once per process from this app's `ready()`."""
    for kind in (
        _kind(session_ends.KIND, SESSION_END, SESSION_END, Policy.SELF, session_ends.apply),
        _kind(policies.KIND, POLICY_EDIT, POLICY_CONFIRM, Policy.OTHER, policies.apply),
        _kind(confirm_policies.KIND, POLICY_EDIT, POLICY_CONFIRM, Policy.OTHER, confirm_policies.apply),
        replace(
            _kind(retaining.KEEP, POLICY_EDIT, POLICY_CONFIRM, Policy.OTHER, retaining.apply_keeping),
            shown=retaining.shown_keeping,
        ),
        _kind(
            PURGE,
            POLICY_EDIT,
            POLICY_CONFIRM,
            Policy.OTHER,
            retaining.apply_purge,
            approval_ttl=A_WEEK,
        ),
        _kind(PURGE_END, POLICY_EDIT, POLICY_CONFIRM, Policy.OTHER, retaining.apply_end, approval_ttl=A_WEEK),
        _kind(watching.KIND, POLICY_EDIT, POLICY_CONFIRM, Policy.OTHER, watching.apply),
        _kind(
            OPEN,
            EMERGENCY_ASK,
            EMERGENCY_OPEN,
            Policy.OTHER,
            emergencies.apply_open,
            approval_ttl=AN_HOUR,
            confirmer_refusal=emergencies.refusal_to_open,
        ),
        _kind(
            emergencies.EXAMINE,
            REVIEW,
            REVIEW,
            Policy.OTHER,
            emergencies.apply_review,
            approval_ttl=A_WEEK,
            confirmer_refusal=emergencies.refusal_to_review,
            reject_permission=REVIEW,
        ),
        _kind(
            reviewing.KIND,
            REVIEW,
            REVIEW,
            Policy.OTHER,
            reviewing.apply,
            approval_ttl=A_WEEK,
            confirmer_refusal=reviewing.refusal_to_sign,
            reject_permission=REVIEW,
        ),
        _kind(delegating.GRANT, DELEGATE, DELEGATE, Policy.SELF, delegating.apply_grant, own=True),
        _kind(delegating.END, DELEGATE, DELEGATE, Policy.SELF, delegating.apply_end, own=True),
        _kind(delegating.DEPUTIES, DELEGATE, DELEGATE, Policy.SELF, delegating.apply_deputies, own=True),
        _kind(
            correcting.KIND,
            RECORD_CORRECT,
            RECORD_CORRECT,
            Policy.OTHER,
            correcting.apply,
            approval_ttl=A_WEEK,
        ),
    ):
        register(kind)


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
