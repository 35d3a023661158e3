"""Every kind of privileged action on volumes and their snapshots, declared once."""

from datetime import timedelta
from typing import Any

from accounts.domain.permissions import Permission
from infra.domain.tagging import shown_tags
from infra.operations import (
    deleting,
    restoring,
    staying,
    tagging,
    tagging_rules,
    untagging,
    volume_snapshots,
)
from medical_audit.domain.kinds import Kind, Policy

#: What may cost somebody his data takes another person.
_SECOND: dict[str, Any] = {
    "enter_permission": Permission.VOLUME_DELETE,
    "confirm_permission": Permission.VOLUME_DELETE_CONFIRM,
    "policy": Policy.OTHER,
    "batch": 20,
}


def kinds(patient: frozenset[str]) -> tuple[Kind, ...]:
    """patient: outcomes of a call to AWS that are tried again (see Kind)."""
    return (*_tagging_kinds(patient), *_disk_kinds(patient))


def _tagging_kinds(patient: frozenset[str]) -> tuple[Kind, ...]:
    """What the clock writes rests on rules that two people agreed on; so does taking it back."""
    return (
        *(_tag_kind(name) for name in (tagging.KIND, tagging.OF_SNAPSHOT)),
        Kind(
            name=tagging_rules.KIND,
            enter_permission=Permission.AUTOMATION_ENTER,
            confirm_permission=Permission.AUTOMATION_CONFIRM,
            policy=Policy.OTHER,
            clean=dict,
            shown=tagging_rules.shown,
            refusal=lambda target, parameters: None,
            apply=tagging_rules.apply,
        ),
        Kind(
            name=untagging.KIND,
            enter_permission=Permission.AUTOMATION_ENTER,
            confirm_permission=Permission.AUTOMATION_CONFIRM,
            policy=Policy.OTHER,
            clean=dict,
            shown=untagging.shown,
            refusal=lambda target, parameters: None,
            executor=untagging.UndoExecutor(),
            grace=timedelta(hours=6),
            verify_within=untagging.VERIFY_WITHIN,
            patient=patient,
            batch=1,
        ),
    )


def _disk_kinds(patient: frozenset[str]) -> tuple[Kind, ...]:
    """Deleted, brought back, and what becomes of it with its server."""
    return (
        Kind(
            **_SECOND,
            name=deleting.KIND,
            clean=deleting.clean,
            shown=deleting.shown,
            refusal=deleting.refusal,
            executor=deleting.DeleteExecutor(),
            grace=deleting.GRACE,
            verify_within=deleting.VERIFY_WITHIN,
            patient=deleting.PATIENT,
        ),
        Kind(
            **_SECOND,
            name=restoring.KIND,
            clean=restoring.clean,
            shown=restoring.shown,
            refusal=lambda target, parameters: None,
            executor=restoring.RestoreExecutor(),
            grace=restoring.GRACE,
            verify_within=restoring.VERIFY_WITHIN,
            patient=restoring.PATIENT,
        ),
        Kind(
            **_SECOND,
            name=staying.KIND,
            clean=staying.clean,
            shown=staying.shown,
            refusal=lambda target, parameters: None,
            executor=staying.TerminationExecutor(),
            grace=timedelta(hours=6),
            patient=patient,
        ),
        Kind(
            **_SECOND,
            name=volume_snapshots.KIND,
            clean=volume_snapshots.clean,
            shown=volume_snapshots.shown,
            refusal=lambda target, parameters: None,
            executor=volume_snapshots.DeleteExecutor(),
            grace=timedelta(hours=6),
            patient=patient,
        ),
    )


def _tag_kind(name: str) -> Kind:
    return Kind(
        name=name,
        enter_permission=Permission.VOLUME_TAG,
        confirm_permission=Permission.VOLUME_TAG,
        policy=Policy.SCHEDULE,
        clean=tagging.clean,
        shown=tagging.shown,
        refusal=lambda target, parameters: None,
        executor=tagging.TagExecutor(name),
        grace=timedelta(hours=6),
        batch=1000,
        group_key=lambda operation: shown_tags(operation.parameters.get("tags", {})),
    )
