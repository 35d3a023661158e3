"""Every kind of privileged action that this app owns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from accounts.domain.permissions import Permission
from medical_audit.domain.kinds import Kind, OperationTarget, Policy, register
from medical_audit.models import Operation
from redmine_sync.operations import connecting, registering, repository_leaving, ruling

Shown = Callable[[OperationTarget, Mapping[str, Any]], dict[str, Any]]
Apply = Callable[[Operation, datetime], dict[str, Any]]


def register_all() -> None:
    """Called once per process when the app is ready. All need a second person: they decide what leaves the house."""
    _register(connecting.CONNECT, connecting.shown_connect, connecting.apply_connect)
    _register(connecting.LEAVE, connecting.shown_leave, connecting.apply_leave)
    _register(ruling.SET, ruling.shown, ruling.apply)
    _register(ruling.END, ruling.shown_end, ruling.apply_end)
    _register(registering.REGISTER, registering.shown, registering.apply_register)
    _register(registering.REPIN, registering.shown_repin, registering.apply_repin)
    _register(repository_leaving.LEAVE, repository_leaving.shown_leave, repository_leaving.apply_leave)


def _register(name: str, shown: Shown, apply: Apply) -> None:
    register(
        Kind(
            name=name,
            enter_permission=Permission.TICKET_EDIT,
            confirm_permission=Permission.TICKET_CONFIRM,
            policy=Policy.OTHER,
            clean=dict,
            shown=shown,
            refusal=lambda target, parameters: None,
            apply=apply,
        )
    )
