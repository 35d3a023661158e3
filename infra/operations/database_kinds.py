"""The kinds that make databases, copy what they are made of, and take them away again: each takes another person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from accounts.domain.permissions import Permission
from infra.operations import (
    database_creations,
    database_makings,
    database_removals,
    database_restores,
    snapshot_copies,
)
from medical_audit.domain.kinds import Executor, Kind, OperationTarget, Policy


def kinds(patient: frozenset[str]) -> tuple[Kind, ...]:
    """patient: what AWS says "not now" with."""
    return (
        _made(
            database_restores.KIND,
            database_restores.clean,
            database_restores.shown,
            database_restores.RestoreExecutor(),
            patient | database_makings.PATIENT,
        ),
        _made(
            database_creations.KIND,
            database_creations.clean,
            database_creations.shown,
            database_creations.CreationExecutor(),
            patient | database_makings.PATIENT,
        ),
        _made(
            snapshot_copies.KIND,
            snapshot_copies.clean,
            snapshot_copies.shown,
            snapshot_copies.CopyExecutor(),
            patient | snapshot_copies.PATIENT,
            grace=snapshot_copies.GRACE,
        ),
        Kind(
            name=database_removals.KIND,
            enter_permission=Permission.DATABASE_EDIT,
            confirm_permission=Permission.DATABASE_CONFIRM,
            policy=Policy.OTHER,
            clean=database_removals.clean,
            shown=database_removals.shown,
            refusal=lambda target, parameters: None,
            executor=database_removals.RemovalExecutor(),
            grace=timedelta(hours=6),
            approval_ttl=database_removals.DECIDE_WITHIN,
            verify_within=database_removals.VERIFY_WITHIN,
            patient=patient | database_removals.PATIENT,
            batch=20,
        ),
    )


def _made(
    name: str,
    clean: Callable[[Mapping[str, Any]], dict[str, Any]],
    shown: Callable[[OperationTarget, Mapping[str, Any]], dict[str, Any]],
    executor: Executor,
    patient: frozenset[str],
    *,
    grace: timedelta = timedelta(hours=6),
) -> Kind:
    return Kind(
        name=name,
        enter_permission=Permission.DATABASE_EDIT,
        confirm_permission=Permission.DATABASE_CONFIRM,
        policy=Policy.OTHER,
        clean=clean,
        shown=shown,
        refusal=lambda target, parameters: None,
        executor=executor,
        grace=grace,
        verify_within=database_makings.VERIFY_WITHIN,
        patient=patient,
        # Each takes half a dozen looks of its own.
        batch=4,
    )
