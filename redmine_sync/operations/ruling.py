"""Which project's troubles become tickets, and where: changed by a confirmed operation only, because data leave the house."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Permission
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.queries.following import last_seq
from medical_audit.tenancy import tenant_scope
from redmine_sync.domain.topics import CHOSEN, read_choice
from redmine_sync.models import RedmineServer, ServerState, TicketRule
from redmine_sync.queries.servers import rules_at

SET, END = "ticket.rule", "ticket.rule_end"
WAIT_MAX_MIN = 24 * 60
PROJECT_MAX = 300
RULED = (
    "redmine_project",
    "redmine_identifier",
    "tracker",
    "failures",
    "approvals",
    "approval_wait_min",
    "topics",
)


def enter_rule(
    *,
    project: str,
    redmine_project: int,
    tracker: int,
    failures: bool,
    approvals: bool,
    approval_wait_min: int,
    topics: Mapping[str, Any],
    actor: Actor,
    now: datetime,
    reason: str,
) -> Operation:
    """Enter a rule for one project ("": everything without a rule of its own); it replaces an earlier one.

    Raises NotPermitted, Refused (redmine_not_connected, bad_parameter, redmine_project_unusable, nothing_to_tell, nothing_changed).
    """
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    chosen = read_choice(topics)
    if chosen is None:
        raise Refused("bad_parameter", name="topics", allowed=", ".join(one.code for one in CHOSEN))
    if not (failures or approvals or chosen):
        raise Refused("nothing_to_tell")
    if not 0 <= approval_wait_min <= WAIT_MAX_MIN:
        raise Refused("bad_parameter", name="approval_wait_min", allowed=f"0-{WAIT_MAX_MIN}")
    if len(project) > PROJECT_MAX:
        raise Refused("bad_parameter", name="project", allowed=f"1-{PROJECT_MAX}")
    with tenant_scope(actor.tenant_id):
        server = RedmineServer.objects.filter(state=ServerState.ACTIVE).first()
        if server is None:
            raise Refused("redmine_not_connected")
        there = {one["id"]: one for one in server.report.get("projects", [])}.get(redmine_project)
        if there is None or not there["usable"] or not there["field"]:
            raise Refused("redmine_project_unusable")
        trackers = dict(map(tuple, there["trackers"]))
        if tracker not in trackers:
            raise Refused("bad_parameter", name="tracker", allowed=", ".join(trackers.values()))
        row = TicketRule.objects.filter(project=project).first()
        after = {
            "redmine_project": redmine_project, "redmine_identifier": there["identifier"], "tracker": tracker,
            "failures": failures, "approvals": approvals, "approval_wait_min": approval_wait_min, "topics": chosen,
        }  # fmt: skip
        before = {name: getattr(row, name) for name in after} if row else {}
        if before == after and project in rules_at(server):
            raise Refused("nothing_changed")
        parameters = {
            "project": project, "before": before, "server": str(server.id), "url": server.url,
            "redmine_name": there["name"], "tracker_name": trackers[tracker], **after,
        }  # fmt: skip
        target = OperationTarget("ticket_rule", str(row.id if row else uuid.uuid4()), project)
        return entry.enter(SET, target, parameters, actor=actor, now=now, reason=reason)


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": SET, "call": "", **parameters}


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Write the rule; it holds for what happens from now on. Raises StaleContent when another change came first."""
    given = operation.parameters
    if not RedmineServer.objects.filter(id=given["server"], state=ServerState.ACTIVE).exists():
        raise StaleContent("redmine_not_connected")
    row = TicketRule.objects.filter(project=given["project"]).select_for_update().first()
    before = {name: getattr(row, name) for name in given["before"]} if row else {}
    if before != given["before"] or (row is not None and not given["before"]):
        raise StaleContent("rule_changed")
    row = row or TicketRule(
        tenant_id=operation.tenant_id, id=UUID(operation.target_id), project=given["project"]
    )
    for name in RULED:
        setattr(row, name, given[name])
    row.from_seq = last_seq()
    row.operation, row.confirmed_by_name = str(operation.id), operation.confirmed_by_name
    row.save()
    return {"project": row.project, "redmine": row.redmine_identifier}


def enter_end(rule_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that a rule ends. Raises NotPermitted, NotFound."""
    actor.require(Permission.TICKET_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = TicketRule.objects.filter(id=rule_id).first()
        if row is None:
            raise NotFound(type="ticket_rule")
        target = OperationTarget("ticket_rule", str(row.id), row.project)
        parameters = {"project": row.project, "redmine_identifier": row.redmine_identifier}
        return entry.enter(END, target, parameters, actor=actor, now=now, reason=reason)


def shown_end(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": END, "call": "", **parameters}


def apply_end(operation: Operation, now: datetime) -> dict[str, Any]:
    """Take the rule away; tickets that are there are still closed when their trouble is over."""
    gone, _ = TicketRule.objects.filter(id=operation.target_id).delete()
    if not gone:
        raise StaleContent("already_moved")
    return {"project": operation.parameters["project"]}
