"""Every kind of privileged action that this app owns."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from accounts.domain.permissions import Permission
from accounts.operations import channels, erasing, members, tokens
from accounts.queries.readable import KIND as PERSON_ERASE
from medical_audit.domain.kinds import Kind, OperationTarget, Policy, register
from medical_audit.domain.rights import POLICY_CONFIRM, POLICY_EDIT
from medical_audit.models import Operation

Shown = Callable[[OperationTarget, Mapping[str, Any]], dict[str, Any]]
Apply = Callable[[Operation, datetime], dict[str, Any]]


def register_all() -> None:
    """Called once per process when the app is ready. Who belongs to a tenant takes two people to decide."""
    register(
        Kind(
            name=tokens.KIND,
            enter_permission=Permission.TOKEN_MAKE,
            confirm_permission=Permission.TOKEN_MAKE,
            policy=Policy.SELF,
            own=True,
            clean=dict,
            shown=tokens.shown,
            refusal=lambda target, parameters: None,
            apply=tokens.apply,
        )
    )
    register(
        Kind(
            name=PERSON_ERASE,
            enter_permission=POLICY_EDIT,
            confirm_permission=POLICY_CONFIRM,
            policy=Policy.OTHER,
            clean=dict,
            shown=erasing.shown,
            refusal=lambda target, parameters: None,
            apply=erasing.apply_erasure,
            approval_ttl=timedelta(days=7),
        )
    )
    _member(members.INVITE, members.apply_invite)
    _member(members.GRANT, members.apply_grant)
    _member(members.REVOKE, members.apply_revoke)
    _member(members.CLOSE, members.apply_close)
    _channel(channels.OPEN, channels.shown_open, channels.apply_open)
    _channel(channels.CHANGE, channels.shown_change, channels.apply_change)
    _channel(channels.ROTATE, channels.shown_rotate, channels.apply_rotate)
    _channel(channels.END, channels.shown_end, channels.apply_end)


def _member(name: str, apply: Apply) -> None:
    register(
        Kind(
            name=name,
            enter_permission=Permission.MEMBER_EDIT,
            confirm_permission=Permission.MEMBER_CONFIRM,
            policy=Policy.OTHER,
            clean=dict,
            shown=lambda target, parameters: {"sentence": name, **members.shown(target, parameters)},
            refusal=lambda target, parameters: None,
            apply=apply,
            approval_ttl=timedelta(days=3),
        )
    )


def _channel(name: str, shown: Shown, apply: Apply) -> None:
    """What leaves the house takes two people."""
    register(
        Kind(
            name=name,
            enter_permission=Permission.CHANNEL_EDIT,
            confirm_permission=Permission.CHANNEL_CONFIRM,
            policy=Policy.OTHER,
            clean=dict,
            shown=shown,
            refusal=lambda target, parameters: None,
            apply=apply,
        )
    )
