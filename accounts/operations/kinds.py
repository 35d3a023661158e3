"""Every kind of privileged action that this app owns."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from accounts.domain.permissions import Permission
from accounts.domain.reissue import INVITE, REISSUE
from accounts.domain.sign_on import SET, UNBIND
from accounts.domain.tokens import ISSUE, MAKE
from accounts.operations import (
    channels,
    erasing,
    links,
    members,
    recertifying,
    sign_on,
    terms,
    tokens,
    unbinding,
)
from accounts.queries.readable import KIND as PERSON_ERASE
from medical_audit.domain.kinds import Kind, OperationTarget, Policy, register
from medical_audit.domain.rights import POLICY_CONFIRM, POLICY_EDIT
from medical_audit.models import Operation

Apply = Callable[[Operation, datetime], dict[str, Any]]
Shown = Callable[[OperationTarget, Mapping[str, Any]], dict[str, Any]]


def register_all() -> None:
    """Called once per process when the app is ready. Who belongs to a tenant takes two people to decide."""
    register(
        Kind(
            name=MAKE,
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
    _member(INVITE, members.apply_invite)
    _member(members.GRANT, members.apply_grant)
    _member(members.REVOKE, recertifying.apply_revoke)
    _member(members.CLOSE, members.apply_close)
    _member(REISSUE, links.apply_reissue, links.shown_reissue)
    _channel(channels.OPEN, channels.shown_open, channels.apply_open)
    _channel(channels.CHANGE, channels.shown_change, channels.apply_change)
    _channel(channels.ROTATE, channels.shown_rotate, channels.apply_rotate)
    _channel(channels.END, channels.shown_end, channels.apply_end)
    _member(UNBIND, unbinding.apply_unbind, unbinding.shown_unbind)
    _member(terms.TERMS, terms.apply_terms, terms.shown_terms)
    _member(ISSUE, tokens.apply_issue, tokens.shown)
    _two_people(SET, sign_on.shown_provider, sign_on.apply_provider)
    _two_people(sign_on.SWITCH, sign_on.shown_switch, sign_on.apply_switch)


def _two_people(name: str, shown: Shown, apply: Apply) -> None:
    """What a tenant decides about who vouches for its people."""
    register(
        Kind(
            name=name,
            enter_permission=Permission.POLICY_EDIT,
            confirm_permission=Permission.POLICY_CONFIRM,
            policy=Policy.OTHER,
            clean=dict,
            shown=shown,
            refusal=lambda target, parameters: None,
            apply=apply,
            approval_ttl=timedelta(days=3),
        )
    )


def _member(name: str, apply: Apply, shown: Shown | None = None) -> None:
    register(
        Kind(
            name=name,
            enter_permission=Permission.MEMBER_EDIT,
            confirm_permission=Permission.MEMBER_CONFIRM,
            policy=Policy.OTHER,
            clean=dict,
            shown=shown
            or (lambda target, parameters: {"sentence": name, **members.shown(target, parameters)}),
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
