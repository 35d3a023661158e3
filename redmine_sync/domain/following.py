"""What an event of the ledger asks of which ticket, and what a ticket's text is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from redmine_sync.domain.topics import TOPICS, Topic


@dataclass(frozen=True, slots=True)
class Wish:
    """What one event asks of one ticket. `verb`: open or close; `digest`: the key of the ticket for all of the project, ""
    where the topic has none."""

    topic: Topic
    key: str
    digest: str
    verb: str


def wishes(tenant_id: UUID, body: Mapping[str, Any], project: str) -> tuple[Wish, ...]:
    """What an event (its canonical body) asks for, by topic.

    A failed or missed action opens the ticket of its kind and target, and the next success of the same closes it. What waits
    for a person opens a ticket of its own, closed by the decision.
    """
    tenant = tenant_id.hex[:12]
    return tuple(
        Wish(
            topic,
            topic.key(tenant, body),
            topic.digest_key(tenant, project) if topic.digest else "",
            verb,
        )
        for topic in TOPICS.values()
        if (verb := topic.verb(body))
    )


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
        "detail": {key: detail[key] for key in SHOWN if key in detail},
    }


#: Details of findings that a ticket shows as they are.
SHOWN = ("volume", "account_id", "region", "gib", "type", "since", "served", "days", "due")


def changed(
    items: Mapping[str, Any], event: Mapping[str, Any], body: Mapping[str, Any], verb: str
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(what a ticket for all holds then, the event that tells it), None where nothing changes. `event`: what is still to be
    told, if it was not begun yet."""
    facts = facts_of(body)
    one = facts["target_id"]
    if (verb == "open") == (one in items):
        return None
    then = dict(items)
    came, went = dict(event.get("came", {})), dict(event.get("went", {}))
    if verb == "open":
        then[one] = {"name": facts["target"], **facts["detail"]}
        if went.pop(one, None) is None:
            came[one] = then[one]
    else:
        gone = then.pop(one)
        if came.pop(one, None) is None:
            went[one] = gone
    return then, {**facts, "came": came, "went": went, "items": then}
