"""Which events of the ledger speak of trouble, which of its end, and of which ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

FAILURE, APPROVAL = "failure", "approval"
#: What the reader looks at; everything else is passed by.
WATCHED = (
    "operation.entered",
    "operation.confirmed",
    "operation.rejected",
    "operation.withdrawn",
    "operation.expired",
    "operation.succeeded",
    "operation.failed",
    "operation.missed",
)
_TROUBLE = frozenset({"operation.failed", "operation.missed"})
_DECIDED = frozenset(
    {"operation.confirmed", "operation.rejected", "operation.withdrawn", "operation.expired"}
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What one event asks of one ticket. `verb`: open or close; `kind` chooses the rule: failure or approval."""

    key: str
    kind: str
    verb: str


def wishes(tenant_id: UUID, body: Mapping[str, Any]) -> tuple[Wish, ...]:
    """What an event (its canonical body) asks for.

    A failed or missed action opens the ticket of its kind and target, and the next success of the same closes it. What waits
    for a person opens a ticket of its own, closed by the decision. The key holds the tenant, because several may share
    one Redmine.
    """
    kind, operation = str(body.get("kind", "")), str(body.get("operation", ""))
    detail, subject = body.get("detail") or {}, body.get("subject") or {}
    if kind not in WATCHED or not operation:
        return ()
    tenant = tenant_id.hex[:12]
    approval = f"{tenant}:approval:{operation}"
    failure = f"{tenant}:failure:{detail.get('kind', '')}:{subject.get('type', '')}:{subject.get('id', '')}"
    if kind == "operation.entered":
        # Entries of the clock come confirmed; only what stands at ENTERED waits for somebody.
        return (Wish(approval, APPROVAL, "open"),) if detail.get("state") == "ENTERED" else ()
    if kind in _DECIDED:
        return (Wish(approval, APPROVAL, "close"),)
    return (Wish(failure, FAILURE, "open" if kind in _TROUBLE else "close"),)


def facts_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a ticket's text is made of: codes and names of the event, no sentence."""
    detail, subject, actor = body.get("detail") or {}, body.get("subject") or {}, body.get("actor") or {}
    return {
        "kind": str(body.get("kind", "")),
        "operation": str(body.get("operation", "")),
        "operation_kind": str(detail.get("kind", "")),
        "at": str(body.get("at", "")),
        "actor_type": str(actor.get("type", "")),
        "actor": str(actor.get("name", "")),
        "reason": str(body.get("reason", "")),
        "code": str(detail.get("code", "")),
        "target_type": str(subject.get("type", "")),
        "target_id": str(subject.get("id", "")),
        "target": str(subject.get("name") or subject.get("id") or ""),
    }
