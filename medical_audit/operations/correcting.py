"""訂正: what was confirmed is never edited; a correction is a new version beside it, confirmed on its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.rights import RECORD_CORRECT
from medical_audit.domain.states import UNCONFIRMED
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.moves import WHOSE, person_of
from medical_audit.queries.versions import newest_standing, what_it_says
from medical_audit.tenancy import tenant_scope

KIND = "record.correct"


def enter_correction(operation_id: UUID, says: str, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter what a confirmed operation's reason should have said; nothing outside changes, and the old stays readable.

    `reason`: why it is corrected. Raises NotPermitted, NotFound, Refused (not_confirmed, correction_waits, nothing_changed).
    """
    actor.require(RECORD_CORRECT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        # Of two who correct it at one moment the second sees what the first entered.
        first: Operation | None = Operation.objects.select_for_update().filter(id=operation_id).first()
        if first is None:
            raise NotFound(type="operation")
        if first.state in UNCONFIRMED or first.kind == KIND:
            raise Refused("not_confirmed")
        newest, waiting = newest_standing(first)
        if waiting is not None:
            raise Refused("correction_waits", operation=str(waiting.id))
        before, after = what_it_says(newest), says.strip()
        if before == after or not after:
            raise Refused("nothing_changed")
        target = OperationTarget("operation", str(first.id), first.target_name)
        parameters = {"before": {"says": before}, "says": after, "of": first.kind}
        if whose := person_of(first):
            parameters[WHOSE] = whose
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, corrects=newest)


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """The new version stands from here on; there is nothing else to do."""
    return {"version": operation.version}
