"""A confirmed operation and its corrections: the chain of versions, each readable, and what differs."""

from dataclasses import dataclass

from medical_audit.domain.actor import Actor
from medical_audit.domain.rights import OPERATION_VIEW
from medical_audit.domain.states import State
from medical_audit.models import Operation

CORRECTION = "record.correct"


@dataclass(frozen=True, slots=True)
class Version:
    """One version: `stands` is False for one that waits or came to nothing; `before` is what the version before said."""

    operation: Operation
    number: int
    says: str
    before: str
    stands: bool


def what_it_says(operation: Operation) -> str:
    """The reason as this version has it."""
    return str(operation.parameters["says"]) if operation.kind == CORRECTION else operation.reason


def newest_standing(first: Operation) -> tuple[Operation, Operation | None]:
    """The version that holds, and a correction that waits for its confirmation (or None)."""
    rows = _corrections(first)
    stands = [row for row in rows if row.state == State.SUCCEEDED]
    waits = [row for row in rows if row.state == State.ENTERED]
    return (stands[-1] if stands else first), (waits[-1] if waits else None)


def versions_of(operation: Operation, *, actor: Actor) -> list[Version]:
    """The whole chain, oldest first; just the one if nothing was corrected. Works from any of its versions."""
    actor.require(OPERATION_VIEW, operation.tenant_id)
    first = operation
    if operation.kind == CORRECTION:
        first = Operation.objects.filter(id=operation.target_id).first() or operation
    found, before = [Version(first, 1, what_it_says(first), "", True)], what_it_says(first)
    for row in _corrections(first):
        stands = row.state == State.SUCCEEDED
        found.append(Version(row, row.version, what_it_says(row), before, stands))
        before = what_it_says(row) if stands else before
    return found


def _corrections(first: Operation) -> list[Operation]:
    rows = Operation.objects.filter(kind=CORRECTION, target_type="operation", target_id=str(first.id))
    return list(rows.order_by("version", "entered_at", "id"))
