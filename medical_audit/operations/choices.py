"""Which moves of an operation are open to one person now: what a page offers is what the operation would allow."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from medical_audit.domain.actor import Actor
from medical_audit.domain.rights import OPERATION_CANCEL, OPERATION_VIEW, OWN_CHANGE, RECORD_CORRECT
from medical_audit.domain.states import UNCONFIRMED, State
from medical_audit.models import Deputy, Operation
from medical_audit.operations.authorising import refusal_to_confirm
from medical_audit.operations.entry import refusal_to_reject, right_to_reject
from medical_audit.queries.versions import CORRECTION


@dataclass(frozen=True, slots=True)
class Moves:
    """`confirm_refusal` is the code why it waits but this person cannot confirm it, or ""; `correct`: a confirmed record
    may get a corrected version."""

    confirm: bool
    reject: bool
    withdraw: bool
    cancel: bool
    confirm_refusal: str
    correct: bool


def moves_of(operation: Operation, *, actor: Actor, now: datetime) -> Moves:
    actor.require(OPERATION_VIEW, operation.tenant_id)
    waits, own = operation.state == State.ENTERED, operation.entered_by_id == actor.id
    refusal = refusal_to_confirm(operation, actor, now=now) if waits else None
    return Moves(
        confirm=waits and refusal is None,
        reject=waits
        and not own
        and actor.may(right_to_reject(operation), operation.tenant_id)
        and refusal_to_reject(operation, actor) is None,
        withdraw=waits and own and actor.may(OWN_CHANGE, operation.tenant_id),
        cancel=operation.state == State.CONFIRMED and actor.may(OPERATION_CANCEL, operation.tenant_id),
        confirm_refusal=refusal or "",
        correct=operation.state not in UNCONFIRMED
        and operation.kind != CORRECTION
        and actor.may(RECORD_CORRECT, operation.tenant_id),
    )


@dataclass(frozen=True, slots=True)
class Ageing:
    """A proxy entry that waits: for how many hours, whether it is overdue, and whose turn it is besides the principal."""

    operation: Operation
    hours: int
    escalated: bool
    deputies: tuple[str, ...]


def turn_words(operation: Operation, *, now: datetime, escalate_hours: int) -> Ageing:
    age = now - operation.entered_at
    passed = age // timedelta(hours=escalate_hours)
    turn = Deputy.objects.filter(principal_id=operation.on_behalf_of_id, place__lte=passed + 1).order_by(
        "place"
    )
    return Ageing(
        operation,
        int(age.total_seconds() // 3600),
        passed > 0,
        tuple(turn.values_list("deputy_name", flat=True)),
    )
