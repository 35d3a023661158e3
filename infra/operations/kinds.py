"""Every kind of privileged action that this app owns, declared once."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from accounts.domain.permissions import Permission
from infra.domain.aws import Problem
from infra.domain.schedule import Action
from infra.operations import (
    archiving,
    assigning,
    automation,
    calendars,
    campaigns,
    database_kinds,
    featuring,
    holiday_lists,
    judging,
    observing,
    overriding,
    power,
    pricing,
    projects,
    pruning,
    publishing,
    reach_rounds,
    reaching,
    regions,
    rotating,
    rounds,
    ruling,
    snapshotting,
    volume_kinds,
)
from infra.operations.machines import MACHINES
from infra.queries.projects import END as PROJECT_END
from infra.queries.projects import SET as PROJECT_SET
from infra.queries.regions import KIND as REGIONS
from medical_audit.domain.kinds import Kind, OperationTarget, Policy, register
from medical_audit.models import Operation

Shown = Callable[[OperationTarget, Mapping[str, Any]], dict[str, Any]]
Apply = Callable[[Operation, datetime], dict[str, Any]]
_CALLS = {
    "ec2.start": "ec2:StartInstances",
    "ec2.stop": "ec2:StopInstances",
    "rds.start": "rds:StartDBInstance",
    "rds.stop": "rds:StopDBInstance",
    "cluster.start": "rds:StartDBCluster",
    "cluster.stop": "rds:StopDBCluster",
    "asg.start": "autoscaling:UpdateAutoScalingGroup",
    "asg.stop": "autoscaling:UpdateAutoScalingGroup",
}
#: AWS says "not now" of these and nothing is wrong: they are tried again until the deadline. So is what a look before the
#: call came to meanwhile, which would else hide for what the last call was refused.
_PATIENT = frozenset(
    {
        *map(str, (Problem.NO_CAPACITY, Problem.THROTTLED, Problem.UNREACHABLE, Problem.NO_ANSWER)),
        *("in_transition", "busy", "waits_for_databases", "waits_for_servers"),
    }
)


def register_all() -> None:
    """Called once per process when the app is ready. What changes something at AWS asks first whether the account is only observed and its
    region looked at; what Toban opened there before, it may close."""
    for kind in _all():
        asks = kind.executor is not None and kind.name != reaching.CLOSE_KIND
        register(observing.asking(kind) if asks else kind)


def _all() -> tuple[Kind, ...]:
    return (
        *(_power_kind(name) for name in _CALLS),
        Kind(
            name=pruning.KIND,
            enter_permission=Permission.POWER_ENTER,
            confirm_permission=Permission.POWER_CONFIRM,
            policy=Policy.SCHEDULE,
            clean=pruning.clean,
            shown=lambda target, parameters: {
                "sentence": pruning.KIND, "call": "rds:DeleteDBSnapshot", "lane": target.lane, **parameters,
            },
            refusal=lambda target, parameters: None,
            executor=pruning.PruneExecutor(),
            grace=pruning.GRACE,
            batch=10,
        ),
        *_planning_kinds(),
        *_database_kinds(),
        *database_kinds.kinds(_PATIENT),
        *volume_kinds.kinds(_PATIENT),
        Kind(
            name=automation.KIND,
            enter_permission=Permission.AUTOMATION_ENTER,
            confirm_permission=Permission.AUTOMATION_CONFIRM,
            policy=Policy.OTHER,
            clean=automation.clean,
            shown=lambda target, parameters: {
                "sentence": automation.KIND,
                "mode": parameters["mode"],
                "call": "",
            },
            refusal=lambda target, parameters: None,
            apply=automation.apply,
        ),
        Kind(
            name=featuring.KIND,
            enter_permission=Permission.AUTOMATION_ENTER,
            confirm_permission=Permission.AUTOMATION_CONFIRM,
            policy=Policy.OTHER,
            clean=dict,
            shown=featuring.shown,
            refusal=lambda target, parameters: None,
            apply=featuring.apply,
        ),
        Kind(
            name=REGIONS,
            enter_permission=Permission.AUTOMATION_ENTER,
            confirm_permission=Permission.AUTOMATION_CONFIRM,
            policy=Policy.OTHER,
            clean=dict,
            shown=regions.shown,
            refusal=lambda target, parameters: None,
            apply=regions.apply,
        ),
    )  # fmt: skip


def _planning_kinds() -> tuple[Kind, ...]:
    """Schedules, assignments and freezes need another person; an override its enterer may confirm himself."""
    return (
        _planned(publishing.KIND, publishing.shown, publishing.apply),
        _planned(assigning.KIND, assigning.shown, assigning.apply),
        _planned(archiving.ARCHIVE, archiving.shown_archive, archiving.apply),
        _planned(archiving.RESTORE, archiving.shown_restore, archiving.apply),
        _planned(ruling.KIND, ruling.shown, ruling.apply),
        _planned(PROJECT_SET, projects.shown, projects.apply),
        _planned(PROJECT_END, projects.shown_end, projects.apply_end),
        _planned(overriding.THAW, overriding.shown_end, overriding.apply_end),
        _planned(overriding.FREEZE, overriding.shown, overriding.apply_set),
        _calendar(calendars.CHANGE, calendars.shown, calendars.apply_change),
        _calendar(calendars.SET, calendars.shown, calendars.apply_change),
        _calendar(holiday_lists.ADOPT, holiday_lists.shown_adopt, holiday_lists.apply_adopt),
        _override(overriding.SET, overriding.shown, overriding.apply_set),
        Kind(
            name=rounds.KIND,
            enter_permission=Permission.POWER_ENTER,
            confirm_permission=Permission.POWER_CONFIRM,
            policy=Policy.SELF,
            clean=dict,
            shown=rounds.shown,
            refusal=lambda target, parameters: None,
            apply=rounds.apply,
            approval_ttl=rounds.DECIDE_WITHIN,
        ),
        _override(overriding.END, overriding.shown_end, overriding.apply_end),
        Kind(
            name=pricing.KIND,
            enter_permission=Permission.PRICE_EDIT,
            confirm_permission=Permission.PRICE_EDIT,
            policy=Policy.SELF,
            clean=dict,
            shown=pricing.shown,
            refusal=lambda target, parameters: None,
            apply=pricing.apply,
        ),
    )


def _database_kinds() -> tuple[Kind, ...]:
    """A copy more harms nobody, so its enterer may confirm it; what changes or deletes something takes another person."""
    return (
        Kind(
            name=snapshotting.MAKE,
            enter_permission=Permission.POWER_ENTER,
            confirm_permission=Permission.POWER_CONFIRM,
            policy=Policy.SELF,
            clean=snapshotting.clean_made,
            shown=snapshotting.shown_made,
            refusal=snapshotting.refusal_made,
            executor=snapshotting.SnapshotExecutor(),
            grace=timedelta(hours=6),
            verify_within=snapshotting.VERIFY_WITHIN,
            patient=_PATIENT,
            batch=20,
        ),
        Kind(
            name=snapshotting.DELETE,
            enter_permission=Permission.DATABASE_EDIT,
            confirm_permission=Permission.DATABASE_CONFIRM,
            policy=Policy.OTHER,
            clean=snapshotting.clean_gone,
            shown=snapshotting.shown_gone,
            refusal=snapshotting.refusal_gone,
            executor=snapshotting.DeletionExecutor(),
            grace=timedelta(hours=6),
            patient=_PATIENT,
            batch=20,
        ),
        Kind(
            name=reaching.OPEN_KIND,
            enter_permission=Permission.DATABASE_EDIT,
            confirm_permission=Permission.DATABASE_CONFIRM,
            policy=Policy.OTHER,
            clean=reaching.clean_open,
            shown=reaching.shown_open,
            refusal=reaching.refusal,
            executor=reach_rounds.ReachExecutor(opens=True),
            patient=_PATIENT,
            batch=20,
        ),
        Kind(
            name=reaching.CLOSE_KIND,
            enter_permission=Permission.DATABASE_EDIT,
            confirm_permission=Permission.DATABASE_EDIT,
            policy=Policy.SELF,
            clean=reaching.clean_close,
            shown=reaching.shown_close,
            refusal=lambda target, parameters: None,
            executor=reach_rounds.ReachExecutor(opens=False),
            grace=reaching.GRACE,
            patient=_PATIENT,
            batch=20,
        ),
        Kind(
            name=campaigns.KIND,
            enter_permission=Permission.DATABASE_EDIT,
            confirm_permission=Permission.DATABASE_CONFIRM,
            policy=Policy.OTHER,
            clean=campaigns.clean,
            shown=campaigns.shown,
            refusal=lambda target, parameters: None,
            apply=campaigns.apply,
        ),
        Kind(
            name=campaigns.END,
            enter_permission=Permission.DATABASE_EDIT,
            confirm_permission=Permission.DATABASE_EDIT,
            policy=Policy.SELF,
            clean=dict,
            shown=campaigns.shown_end,
            refusal=lambda target, parameters: None,
            apply=campaigns.apply_end,
        ),
        Kind(
            name=rotating.KIND,
            enter_permission=Permission.DATABASE_EDIT,
            confirm_permission=Permission.DATABASE_CONFIRM,
            policy=Policy.SCHEDULE,
            clean=rotating.clean,
            shown=rotating.shown,
            refusal=lambda target, parameters: None,
            executor=rotating.RotationExecutor(),
            verify_within=rotating.VERIFY_WITHIN,
            max_attempts=rotating.MAX_ATTEMPTS,
            patient=_PATIENT | rotating.PATIENT,
            # Each may wait for a handshake, and the lane is held meanwhile.
            batch=4,
        ),
    )


def _planned(name: str, shown: Shown, apply: Apply) -> Kind:
    return Kind(
        name=name,
        enter_permission=Permission.SCHEDULE_EDIT,
        confirm_permission=Permission.SCHEDULE_CONFIRM,
        policy=Policy.OTHER,
        clean=dict,
        shown=shown,
        refusal=lambda target, parameters: None,
        apply=apply,
    )


def _calendar(name: str, shown: Shown, apply: Apply) -> Kind:
    return Kind(
        name=name,
        enter_permission=Permission.CALENDAR_EDIT,
        confirm_permission=Permission.CALENDAR_CONFIRM,
        policy=Policy.OTHER,
        clean=dict,
        shown=shown,
        refusal=lambda target, parameters: None,
        apply=apply,
    )


def _override(name: str, shown: Shown, apply: Apply) -> Kind:
    return Kind(
        name=name,
        enter_permission=Permission.OVERRIDE_ENTER,
        confirm_permission=Permission.OVERRIDE_CONFIRM,
        policy=Policy.SELF,
        clean=dict,
        shown=shown,
        refusal=lambda target, parameters: None,
        apply=apply,
    )


def _power_kind(name: str) -> Kind:
    service, action = name.split(".")
    machine = MACHINES[service]
    return Kind(
        name=name,
        enter_permission=Permission.POWER_ENTER,
        confirm_permission=Permission.POWER_CONFIRM,
        policy=Policy.SELF,
        clean=power.clean,
        shown=lambda target, parameters: {
            "sentence": name,
            "call": _CALLS[name],
            "aws_id": parameters["aws_id"],
            "lane": target.lane,
        },
        refusal=lambda target, parameters: _refusal(name, target),
        objections=judging.objections,
        executor=power.PowerExecutor(machine, Action(action)),
        verify_within=machine.verify_within,
        batch=machine.batch,
        patient=_PATIENT,
        proxied=True,
    )


def _refusal(name: str, target: OperationTarget) -> str | None:
    """What AWS would refuse anyway is refused before it is entered, with AWS's reason as the code."""
    facts: Mapping[str, Any] = target.facts or {}
    if facts.get("gone"):
        return "gone"
    if facts.get("kind") and facts["kind"] != name.partition(".")[0]:
        return "wrong_kind"
    refusal = facts.get(f"{name.partition('.')[2]}_refusal", "")
    return f"unsupported_{refusal}" if refusal else None
