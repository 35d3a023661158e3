"""Changing what an hour costs: entered with source and date, confirmed, one event for every price with before and after."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from accounts.domain.permissions import Permission
from infra.domain.prices import ROWS_MAX, Key, PriceRow
from infra.models import Price
from medical_audit.domain.actor import Actor, ActorType, EventDraft, Subject
from medical_audit.domain.errors import Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.ledger import record_many
from medical_audit.tenancy import tenant_scope

KIND = "price.change"
NAMED = 3


def proposal(
    rows: Iterable[PriceRow], removed: Iterable[Key] = (), *, actor: Actor, now: datetime
) -> dict[str, Any]:
    """What would change: {"prices": [{"kind", "region", "type", "before", "after"}]}, each side a price or None.

    Nothing is stored. Raises NotPermitted, Refused (nothing_changed, too_many_prices).
    """
    actor.require(Permission.PRICE_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        known = {row.key: row.as_json() for row in map(_row_of, Price.objects.all())}
    wanted: dict[Key, dict[str, str] | None] = dict.fromkeys(removed)
    wanted |= {row.key: row.as_json() for row in rows}
    changes = [
        {"kind": key[0], "region": key[1], "type": key[2], "before": known.get(key), "after": after}
        for key, after in sorted(wanted.items(), key=lambda item: item[0])
        if known.get(key) != after
    ]
    if not changes:
        raise Refused("nothing_changed")
    if len(changes) > ROWS_MAX:
        raise Refused("too_many_prices", number=len(changes), limit=ROWS_MAX)
    return {"prices": changes}


def enter_change(
    rows: Iterable[PriceRow],
    removed: Iterable[Key] = (),
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    token: str = "",
) -> Operation:
    """Enter the change; the same token enters it once. Raises as `proposal` and `entry.enter`."""
    with tenant_scope(actor.tenant_id):
        key = f"form/{actor.id}/{token}/{KIND}" if token else None
        if before := entry.sent_before(key):
            return before
        parameters = proposal(rows, removed, actor=actor, now=now)
        types = [one["type"] for one in parameters["prices"]]
        name = ", ".join(types[:NAMED]) + (" …" if len(types) > NAMED else "")
        target = OperationTarget("prices", "tenant", name)
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason, dedupe_key=key)


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": KIND, "call": "", "prices": parameters["prices"]}


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """Write every price with its event. Raises StaleContent when one of them is not as it was shown any more."""
    person = Actor(
        operation.tenant_id, ActorType.USER, operation.confirmed_by_id, operation.confirmed_by_name
    )
    known = {
        (row.kind, row.region, row.type): row for row in Price.objects.select_for_update().order_by("id")
    }
    events = []
    for change in operation.parameters["prices"]:
        key, after = (change["kind"], change["region"], change["type"]), change["after"]
        row = known.get(key)
        if (_row_of(row).as_json() if row else None) != change["before"]:
            raise StaleContent("prices_changed", name=change["type"])
        row = row or Price(
            id=uuid.uuid4(),
            tenant_id=operation.tenant_id,
            **dict(zip(("kind", "region", "type"), key, strict=True)),
        )
        events.append(_event(operation, row, change, person, now))
        if after is None:
            row.delete()
            continue
        row.per_hour, row.currency, row.source = (
            Decimal(after["per_hour"]),
            after["currency"],
            after["source"],
        )
        row.as_of, row.changed_by_name, row.changed_at = date.fromisoformat(after["as_of"]), person.name, now
        row.save()
    record_many(operation.tenant_id, events)
    return {"prices": len(events)}


def _row_of(row: Price) -> PriceRow:
    return PriceRow(row.kind, row.region, row.type, row.per_hour, row.currency, row.source, row.as_of)


def _event(
    operation: Operation, row: Price, change: Mapping[str, Any], person: Actor, now: datetime
) -> EventDraft:
    after = change["after"]
    return EventDraft(
        kind="price.removed" if after is None else "price.set",
        actor=person,
        at=now,
        subject=Subject("price", str(row.id), " ".join(part for part in (row.type, row.region) if part)),
        operation_id=str(operation.id),
        reason=operation.reason,
        detail={
            "resource_kind": row.kind, "region": row.region, "type": row.type,
            "before": change["before"], "after": after, **(after or {}),
        },
    )  # fmt: skip
