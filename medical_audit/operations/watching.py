"""Looking through what people did, with the tenant's rules; and changing those rules by a confirmed operation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from medical_audit.domain.actor import Actor
from medical_audit.domain.anomalies import BOUNDS, find, limits_of
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.rights import POLICY_EDIT
from medical_audit.models import Anomaly, AnomalyRules, AnomalyWatch, Operation
from medical_audit.operations import entry
from medical_audit.operations.policies import refuse_changed
from medical_audit.queries.anomalies import context_of, limits_here, page_after, people_events, rules_row
from medical_audit.tenancy import tenant_scope

KIND = "anomaly.rules"
#: The zone of "off hours" and of a day's exports: Toban is made for teams in Japan (ADR 0010).
ZONE = ZoneInfo("Asia/Tokyo")


#: How many places of the chain are looked at in one transaction: after a long silence not the whole ledger at once.
PAGE = 5000


def watch(tenant_id: UUID, *, actor: Actor, now: datetime, page: int = PAGE) -> int:
    """Look at what has happened since the last look, page by page; returns new findings.

    Each event is looked at once, with the day before it as known; looking again finds nothing new.
    """
    found = 0
    while (more := _look(tenant_id, page, now)) is not None:
        found += more
    return found


def _look(tenant_id: UUID, page: int, now: datetime) -> int | None:
    """The next page; None: there is none, or another process is looking."""
    with tenant_scope(tenant_id):
        row: AnomalyWatch | None = AnomalyWatch.objects.select_for_update(skip_locked=True).first()
        if row is None and AnomalyWatch.objects.exists():
            return None
        row = row or AnomalyWatch(tenant_id=tenant_id, looked_at=now)
        last, found = page_after(row.seq, page), None
        if last > row.seq:
            events = list(people_events(row.seq, last))
            rows = [
                Anomaly(
                    tenant_id=tenant_id, rule=one.rule, event_id=UUID(one.event_id), at=one.at, person_id=one.person_id,
                    person_name=one.person[:200], figures=dict(one.figures), found_at=now,
                )
                for one in find(events, context_of(events, ZONE), limits_here(), ZONE)
            ]  # fmt: skip
            Anomaly.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
            found = len(rows)
        row.seq, row.looked_at = last, now
        row.save()
    return found


def enter_rules(wanted: Mapping[str, int], *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter thresholds; another person confirms them. Raises NotPermitted, Refused (bad_parameter, nothing_changed)."""
    actor.require(POLICY_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        before = limits_here()
        try:
            after = limits_of({**before, **wanted})
        except ValueError as error:
            bound = BOUNDS.get(str(error))
            allowed = f"{bound.least}-{bound.most}" if bound else ""
            raise Refused("bad_parameter", name=str(error), allowed=allowed) from error
        changed = {name: value for name, value in after.items() if value != before[name]}
        if not changed:
            raise Refused("nothing_changed")
        parameters = {"before": {name: before[name] for name in changed}, **changed}
        target = OperationTarget("anomaly_rules", str(actor.tenant_id), "")
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason)


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """They hold for what happens from here on. Raises Refused (rules_changed)."""
    refuse_changed(operation, limits_here())
    row = rules_row() or AnomalyRules(tenant_id=operation.tenant_id)
    given = {name: value for name, value in operation.parameters.items() if name in BOUNDS}
    row.limits, row.operation, row.changed_at = {**row.limits, **given}, str(operation.id), now
    row.save()
    return {"before": operation.parameters["before"]}
