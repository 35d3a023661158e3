"""How a row moves: always with its event, always only from where it is expected to be."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from medical_audit.domain.actor import Actor, EventDraft, Principal, Subject
from medical_audit.domain.errors import AlreadyMoved, NotFound
from medical_audit.domain.states import FINAL, Phase, State
from medical_audit.models import Delegation, Operation
from medical_audit.operations.ledger import record_many
from medical_audit.operations.writing import write_rows

#: The parameter by which a correction says whose name its target's is.
WHOSE = "whose"
#: Everything a move may write; what was entered is not among it.
MOVING = (
    "state", "phase", "attempts", "fence", "work_at", "deadline", "called_at", "accepted_at", "verify_until",
    "unknown_since", "finished_at", "outcome", "outcome_detail", "request_id",
    "authority", "confirmed_by_id", "confirmed_by_name", "confirmed_at", "reauthentication",
)  # fmt: skip


def subject_of(operation: Operation) -> Subject:
    return Subject(operation.target_type, operation.target_id, operation.target_name, person_of(operation))


def person_of(operation: Operation) -> str:
    """Whose name the target's is ("": nobody's): in events it stands as a reference of that person (ADR 19)."""
    if operation.target_type in ("user", "deputies"):
        return operation.target_id
    if operation.target_type == "delegation" and "proxy" not in operation.parameters:
        # Entered before the end of a delegation said whose it is.
        whose = Delegation.objects.filter(id=operation.target_id).values_list("proxy_id", flat=True)
        return str(whose.first() or "")
    return str(
        operation.parameters.get({"delegation": "proxy", "operation": WHOSE}.get(operation.target_type), "")
    )


def event_of(
    operation: Operation, kind: str, *, actor: Actor, now: datetime, reason: str = "", **detail: Any
) -> EventDraft:
    """The event of a move; it names the kind, the state reached, who confirmed, and for whom it is, unless he acts himself."""
    behalf = (
        Principal(id=operation.on_behalf_of_id, name=operation.on_behalf_of_name)
        if operation.on_behalf_of_id not in ("", actor.id)
        else None
    )
    facts: dict[str, Any] = {"kind": operation.kind, "state": str(operation.state)}
    if operation.confirmed_by_name:
        facts["confirmed_by"] = Principal(operation.confirmed_by_id, operation.confirmed_by_name)
    return EventDraft(
        kind=kind,
        actor=actor,
        at=now,
        subject=subject_of(operation),
        outcome="failed" if operation.state in (State.FAILED, State.MISSED) else "ok",
        operation_id=str(operation.id),
        on_behalf_of=behalf,
        reason=reason,
        detail=facts
        | {key: value for key, value in _named(operation, detail).items() if value not in ("", None, {})},
    )


def _named(operation: Operation, detail: dict[str, Any]) -> dict[str, Any]:
    """Who is named in it, with the id by which he stands in events (ADR 19)."""
    found = dict(detail)
    for name in ("deputy_for", "principal"):
        if found.get(name):
            found[name] = Principal(operation.on_behalf_of_id, found[name])
    if (person_id := person_of(operation)) and found.get("target") == operation.target_name:
        found["target"] = Principal(person_id, operation.target_name)
    if authority := found.get("authority"):
        # Who released a held round stands in the event of that: here its operation is enough.
        reason = {key: value for key, value in authority.get("reason", {}).items() if key != "released_by"}
        person = Principal(operation.confirmed_by_id, authority.get("person", ""))
        found["authority"] = {**authority, "person": person, "reason": reason}
    return found


def locked(ids: Iterable[UUID], state: State, **conditions: Any) -> list[Operation]:
    """Rows that still stand where they are expected, locked until this transaction ends; the others are left out."""
    wanted = Operation.objects.filter(id__in=list(ids), state=state, **conditions)
    return list(wanted.select_for_update().order_by("id"))


def one_locked(operation_id: UUID, state: State) -> Operation:
    """One row of the bound tenant in this state. Raises NotFound, or AlreadyMoved when somebody was first."""
    operation: Operation | None = Operation.objects.filter(id=operation_id).select_for_update().first()
    if operation is None:
        raise NotFound(type="operation", id=str(operation_id))
    if operation.state != state:
        raise AlreadyMoved(state=operation.state)
    return operation


def finish(
    operation: Operation, state: State, outcome: str, now: datetime, detail: dict[str, Any] | None = None
) -> None:
    """Put the row (in memory) into a final state."""
    if state not in FINAL:
        raise ValueError(f"{state} is not final")
    operation.state, operation.phase, operation.outcome = state, Phase.NONE, outcome
    operation.finished_at, operation.work_at = now, None
    if detail:
        operation.outcome_detail = detail


def save_moves(tenant_id: UUID, operations: Sequence[Operation], events: Sequence[EventDraft]) -> None:
    """Write locked rows and their events; both or neither."""
    write_rows(operations, MOVING)
    record_many(tenant_id, events)
