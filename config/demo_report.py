"""What one round of the demo did, as one JSON object; nothing is counted that a row or an event does not show."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from accounts.queries.people import tenant_ids
from config import demo
from config.saying.schedules import schedule_reason_short
from infra.domain.schedule import Action
from infra.models import Finding, Region, Resource, Volume
from infra.models.resource import ResourceKind
from infra.models.volume import Naming
from medical_audit.domain.states import FINAL, State
from medical_audit.models import Event, Heartbeat, Operation
from medical_audit.queries.verification import verify
from medical_audit.tenancy import tenant_scope

POWER = [f"{service}.{action}" for service in ResourceKind.values for action in Action]


def each_tenant() -> Iterator[UUID]:
    """Every tenant, one after the other, each inside its scope."""
    for tenant_id in tenant_ids():
        with tenant_scope(tenant_id):
            yield tenant_id


def inventories_left(since: datetime) -> int:
    unfinished = Q(inventory_ended_at__isnull=True) | Q(inventory_ended_at__lt=since)
    return sum(Region.objects.filter(unfinished).count() for _ in each_tenant())


def tick_left(since: datetime) -> int:
    return 0 if Heartbeat.objects.filter(name="tick", at__gte=since).exists() else 1


def open_operations() -> int:
    """Operations that a worker still has to bring to an end."""
    return sum(Operation.objects.filter(work_at__isnull=False).count() for _ in each_tenant())


def report(at: datetime, before: dict[str, Any]) -> dict[str, Any]:
    """Counts and lists of the round that began at `at`."""
    total: dict[str, Any] = {"at": at.isoformat()}
    total |= dict.fromkeys(
        ("resources", "due", "started", "stopped", "missed", "lost", "volumes_tagged", "events"), 0
    )
    total |= {"skipped": [], "failed": []}
    intact, events = True, 0
    for tenant_id in each_tenant():
        _add_tenant(total, at)
        checked = verify(tenant_id)
        intact, events = intact and checked.intact, events + checked.events
    total["aws_calls"] = _calls_since(before)
    return total | {"events": events, "ledger": {"intact": intact, "events": events}}


def _add_tenant(total: dict[str, Any], at: datetime) -> None:
    rows = list(Operation.objects.filter(entered_at__gte=at))
    power = [row for row in rows if row.kind in POWER]
    total["resources"] += Resource.objects.filter(gone_at__isnull=True).count()
    total["due"] += len(power)
    for action, key in (("start", "started"), ("stop", "stopped")):
        done = [row for row in power if row.kind.endswith(action) and row.state == State.SUCCEEDED]
        total[key] += sum(row.outcome == "reached" for row in done)
    total["missed"] += sum(row.state == State.MISSED for row in rows)
    total["lost"] += sum(row.state not in FINAL for row in rows)
    total["volumes_tagged"] += sum(row.kind == "ebs.tag" and row.outcome == "tagged" for row in rows)
    total["failed"] += [
        _line(row.target_name, row.kind, row.outcome) for row in rows if row.state == State.FAILED
    ]
    total["failed"] += [
        _line(f"{region.account.account_id}/{region.name}", "inventory", region.inventory_problem)
        for region in Region.objects.exclude(inventory_problem="").select_related("account")
    ]
    total["skipped"] += _skipped(rows, at)


def _skipped(rows: list[Operation], at: datetime) -> list[dict[str, str]]:
    lines = [_line(row.target_name, row.kind, row.outcome) for row in rows if row.state == State.CANCELLED]
    for finding in Finding.objects.filter(resolved_at__isnull=True).select_related("resource"):
        reason = f"{finding.code}: {finding.tag}={finding.value!r}"
        lines.append(
            _line(
                str(finding.resource),
                "schedule",
                reason + (f" -> {finding.suggestion}" if finding.suggestion else ""),
            )
        )
    for event in Event.objects.filter(kind="schedule.skipped", event_at__gte=_real(at)):
        lines.append(_holiday(event))
    nameless = Volume.objects.filter(naming=Naming.NAMELESS, gone_at__isnull=True)
    return lines + [_line(row.volume_id, "ebs.tag", f"{row.served_instance}: no Name") for row in nameless]


def _holiday(event: Event) -> dict[str, str]:
    detail = json.loads(event.body)["detail"]
    return _line(event.subject_name, detail["action"], schedule_reason_short(detail["because"]))


def _line(resource: str, kind: str, reason: str) -> dict[str, str]:
    return {"resource": resource, "kind": kind, "reason": reason}


def _real(at: datetime) -> datetime:
    """The database's own clock at the demo's instant."""
    return at - timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)


def _calls_since(before: dict[str, Any]) -> dict[str, int]:
    old, new = before["by_action"], demo.simulator("counts")["by_action"]
    assert isinstance(new, dict)
    return {
        action: count - old.get(action, 0)
        for action, count in sorted(new.items())
        if count > old.get(action, 0)
    }
