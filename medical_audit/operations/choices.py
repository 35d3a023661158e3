"""Which moves of an operation are open to one person now: what a page offers is what the operation would allow."""

from dataclasses import dataclass

from medical_audit.domain.actor import Actor
from medical_audit.domain.rights import OPERATION_CANCEL, OPERATION_REJECT, OPERATION_VIEW
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations.entry import refusal_to_confirm


@dataclass(frozen=True, slots=True)
class Moves:
    """`confirm_refusal` is the code why it waits but this person cannot confirm it, or ""."""

    confirm: bool
    reject: bool
    withdraw: bool
    cancel: bool
    confirm_refusal: str


def moves_of(operation: Operation, *, actor: Actor) -> Moves:
    actor.require(OPERATION_VIEW, operation.tenant_id)
    waits, own = operation.state == State.ENTERED, operation.entered_by_id == actor.id
    refusal = refusal_to_confirm(operation, actor) if waits else None
    return Moves(
        confirm=waits and refusal is None,
        reject=waits and not own and actor.may(OPERATION_REJECT, operation.tenant_id),
        withdraw=waits and own,
        cancel=operation.state == State.CONFIRMED and actor.may(OPERATION_CANCEL, operation.tenant_id),
        confirm_refusal=refusal or "",
    )
