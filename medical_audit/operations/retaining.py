"""For how long the record is kept and whether it is held; letting go what is older. Two people each time (ADR 16)."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from medical_audit.domain.actor import Actor
from medical_audit.domain.burying import LEAST_YEARS, MOST_YEARS, is_month, term_ends
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.erasing import LEAST_PERSON_MONTHS, MOST_PERSON_MONTHS
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.rights import POLICY_EDIT
from medical_audit.models import Operation, Retention
from medical_audit.operations import entry
from medical_audit.queries.purges import (
    END,
    Keeping,
    Purgeable,
    gone_up_to,
    is_purge_ordered,
    is_purge_under_way,
    keeping_here,
    ordered_purge,
    purgeable,
)
from medical_audit.queries.purges import KIND as PURGE
from medical_audit.tenancy import tenant_scope

KEEP = "ledger.retention"
HOLD_MAX = 500
NONE = "—"


def enter_keeping(wanted: Keeping, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter another term, or that nothing may go for now; another person confirms it.

    Raises NotPermitted, Refused (bad_parameter, nothing_changed).
    """
    actor.require(POLICY_EDIT, actor.tenant_id)
    if not LEAST_YEARS <= wanted.years <= MOST_YEARS:
        raise Refused("bad_parameter", name="years", allowed=f"{LEAST_YEARS}-{MOST_YEARS}")
    if not LEAST_PERSON_MONTHS <= wanted.person_months <= MOST_PERSON_MONTHS:
        raise Refused(
            "bad_parameter", name="person_months", allowed=f"{LEAST_PERSON_MONTHS}-{MOST_PERSON_MONTHS}"
        )
    wanted = replace(wanted, hold=wanted.hold.strip()[:HOLD_MAX])
    with tenant_scope(actor.tenant_id):
        before = keeping_here()
        if before == wanted:
            raise Refused("nothing_changed")
        target = OperationTarget("retention", str(actor.tenant_id), "")
        parameters = {"before": asdict(before), **asdict(wanted)}
        return entry.enter(KEEP, target, parameters, actor=actor, now=now, reason=reason)


def shown_keeping(_target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a person confirms; that a hold is lifted must be seen, so no hold is a dash."""
    before = parameters["before"]
    return {
        "sentence": KEEP,
        "call": "",
        "years": parameters["years"],
        "hold": parameters["hold"] or NONE,
        "person_months": parameters["person_months"],
        "before": {
            "years": before["years"],
            "hold": before["hold"] or NONE,
            "person_months": before["person_months"],
        },
    }


def apply_keeping(operation: Operation, now: datetime) -> dict[str, Any]:
    """Raises Refused (retention_changed) where something else holds by now than was shown: a hold must not go unseen."""
    given = operation.parameters
    decide_alone(operation.tenant_id)
    if asdict(keeping_here()) != given["before"]:
        raise Refused("retention_changed")
    row: Retention = Retention.objects.first() or Retention(tenant_id=operation.tenant_id)
    row.years, row.hold, row.person_months = given["years"], given["hold"], given["person_months"]
    row.operation, row.changed_at = str(operation.id), now
    row.save()
    return {"before": given["before"]}


def enter_purge(until: datetime, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that everything sealed before `until`, the end of a month, goes for good; another person confirms it, and the sealer
    carries it out.

    Raises NotPermitted, Refused (not_a_month, record_held, term_not_over, nothing_to_purge, purge_waits).
    """
    actor.require(POLICY_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        found = _what_goes(actor.tenant_id, until, now)
        if is_purge_under_way():
            raise Refused("purge_waits")
        parameters = {
            "first_event": found.first, "last_event": found.last, "event_count": found.events, "before_at": utc_text(until),
            "sealed_by": found.number, "root": found.root.hex(), "years": keeping_here().years,
        }  # fmt: skip
        target = OperationTarget("ledger", f"{found.first}-{found.last}", "")
        return entry.enter(PURGE, target, parameters, actor=actor, now=now, reason=reason)


def apply_purge(operation: Operation, now: datetime) -> dict[str, Any]:
    """Nothing goes here: what was confirmed is the sealer's order, if it still holds. Raises Refused as `enter_purge` does."""
    given = operation.parameters
    decide_alone(operation.tenant_id)
    if is_purge_ordered():
        raise Refused("purge_waits")
    found = _what_goes(operation.tenant_id, datetime.fromisoformat(given["before_at"]), now)
    if (found.first, found.last, found.root.hex()) != (
        given["first_event"],
        given["last_event"],
        given["root"],
    ):
        raise Refused("nothing_to_purge")
    return {"first": found.first, "last": found.last, "until": given["before_at"]}


def enter_end(*, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that the confirmed purge, which the sealer lets wait, is not carried out any more; another person confirms it.

    Raises NotPermitted, Refused (no_purge_waits).
    """
    actor.require(POLICY_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        purge = ordered_purge()
        if purge is None:
            raise Refused("no_purge_waits")
        names = ("first_event", "last_event", "event_count", "before_at")
        parameters = {"purge": str(purge.id), **{name: purge.parameters[name] for name in names}}
        return entry.enter(
            END,
            OperationTarget("ledger", purge.target_id, ""),
            parameters,
            actor=actor,
            now=now,
            reason=reason,
        )


def apply_end(operation: Operation, now: datetime) -> dict[str, Any]:
    """Raises Refused (no_purge_waits) where the sealer was first."""
    decide_alone(operation.tenant_id)
    purge = ordered_purge()
    if purge is None or str(purge.id) != operation.parameters["purge"]:
        raise Refused("no_purge_waits")
    return {"purge": operation.parameters["purge"]}


def decide_alone(tenant_id: UUID) -> None:
    """Until the transaction ends nobody else decides about this tenant's record."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"retention:{tenant_id}"])


def _what_goes(tenant_id: UUID, until: datetime, now: datetime) -> Purgeable:
    held = keeping_here()
    if not is_month(until):
        raise Refused("not_a_month")
    if held.hold:
        raise Refused("record_held", why=held.hold)
    if term_ends(until, held.years) > now:
        raise Refused("term_not_over", years=held.years)
    found = purgeable(tenant_id, until)
    if found is None:
        raise Refused("nothing_to_purge", gone=gone_up_to(tenant_id))
    return found
