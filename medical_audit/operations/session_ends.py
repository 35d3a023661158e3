"""Ending the session of another: a confirmed operation, because somebody's work is cut off by it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from medical_audit.domain.actor import Actor, ActorType
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.rights import SESSION_END
from medical_audit.domain.seats import End
from medical_audit.models import Operation, Session
from medical_audit.operations import entry, seats
from medical_audit.queries.sessions import get_visit
from medical_audit.tenancy import platform_scope

KIND = "session.end"


def enter_end(visit_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that a session of this tenant is to end. Raises NotPermitted, NotFound, Refused (session_over)."""
    actor.require(SESSION_END, actor.tenant_id)
    visit = get_visit(visit_id, actor=actor)
    if visit.ended_at is not None:
        raise Refused("session_over")
    target = OperationTarget("user", str(visit.user_id), visit.user_name)
    parameters = {
        "session": visit.session, "address": visit.address, "device": visit.device,
        "entered_at": visit.entered_at.isoformat(),
    }  # fmt: skip
    return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason)


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """End it wherever it is; that it ended by itself meanwhile is as good."""
    person = UUID(operation.target_id)
    actor = Actor(operation.tenant_id, ActorType.USER, operation.confirmed_by_id, operation.confirmed_by_name)
    with platform_scope(user_id=person):
        session = Session.objects.filter(user_id=person, name=operation.parameters["session"]).first()
        ended = session is not None and seats.end(
            session, End.FORCED, actor=actor, now=now, reason=operation.reason
        )
    return {"session": operation.parameters["session"], "result": "ended" if ended else "was_over"}
