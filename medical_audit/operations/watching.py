"""Looking through what people did, with the tenant's rules; and changing those rules by a confirmed operation."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from medical_audit.domain.actor import Actor
from medical_audit.domain.anomalies import BOUNDS, WINDOW, find, limits_of
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.rights import POLICY_EDIT
from medical_audit.models import Anomaly, AnomalyRules, AnomalyWatch, Link, Operation
from medical_audit.operations import entry
from medical_audit.operations.policies import refuse_changed
from medical_audit.queries.anomalies import context_of, limits_here, people_events, rules_row
from medical_audit.queries.verification import length_of
from medical_audit.tenancy import tenant_scope

KIND = "anomaly.rules"
#: The zone of "off hours" and of a day's exports: Toban is made for teams in Japan (ADR 0010).
ZONE = ZoneInfo("Asia/Tokyo")


def watch(tenant_id: UUID, *, actor: Actor, now: datetime) -> int:
    """Look at what has happened since the last look (and a day before it, for rules that count); returns new findings.

    Looking twice at the same events finds the same, and keeps it once.
    """
    with tenant_scope(tenant_id):
        row: AnomalyWatch | None = AnomalyWatch.objects.select_for_update(skip_locked=True).first()
        if row is None and AnomalyWatch.objects.exists():
            return 0  # another process is looking
        row = row or AnomalyWatch(tenant_id=tenant_id, looked_at=now)
        length, count = length_of(tenant_id), 0
        if length > row.seq:
            first = Link.objects.filter(seq__gt=row.seq).order_by("seq").values_list("event_at", flat=True)
            since = first[0] - WINDOW
            shift = timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)
            events = list(people_events(since, now - shift + timedelta(days=1)))
            found = find(events, context_of(events, ZONE), limits_here(), ZONE)
            before = Anomaly.objects.count()
            Anomaly.objects.bulk_create(
                [
                    Anomaly(
                        tenant_id=tenant_id, rule=one.rule, event_id=UUID(one.event_id), at=one.at, person_id=one.person_id,
                        person_name=one.person[:200], figures=dict(one.figures), found_at=now,
                    )
                    for one in found
                ],
                ignore_conflicts=True,
                batch_size=500,
            )  # fmt: skip
            count = Anomaly.objects.count() - before
        row.seq, row.looked_at = length, now
        row.save()
    return count


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
    """They hold for what happens from here on, and for the day before, at which the rules look again.
    Raises Refused (rules_changed)."""
    refuse_changed(operation, limits_here())
    row = rules_row() or AnomalyRules(tenant_id=operation.tenant_id)
    given = {name: value for name, value in operation.parameters.items() if name in BOUNDS}
    row.limits, row.operation, row.changed_at = {**row.limits, **given}, str(operation.id), now
    row.save()
    return {"before": operation.parameters["before"]}
