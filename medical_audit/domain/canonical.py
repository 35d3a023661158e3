"""One canonical text per event (RFC 8785), and the digest of what a person was shown."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import rfc8785

from medical_audit.domain.actor import EventDraft
from medical_audit.domain.personal import REFERENCING, Value, referenced


def utc_text(moment: datetime) -> str:
    """UTC with exactly six decimals, so that the text of an instant never varies."""
    if moment.tzinfo is None:
        raise ValueError("naive datetime")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(value: object) -> str:
    """RFC 8785 text; lone surrogates, NaN and integers beyond 2^53 raise ValueError rather than vary."""
    try:
        return rfc8785.dumps(value).decode("utf-8")  # type: ignore[arg-type]
    except (rfc8785.CanonicalizationError, UnicodeError) as error:
        raise ValueError(f"not canonical JSON: {error}") from error


def digest(value: object) -> str:
    """SHA-256 (hex) of the canonical text: what was shown is what is hashed is what is executed."""
    return hashlib.sha256(canonical(value).encode("utf-8")).hexdigest()


def event_body(draft: EventDraft, reference: Callable[[Value], str]) -> str:
    """The canonical body of one event; `reference` gives what stands in it for a person's readable value."""
    actor, said = draft.actor, referenced(draft, reference)
    body: dict[str, object] = {
        "v": REFERENCING,
        "kind": draft.kind,
        "at": utc_text(draft.at),
        "actor": {
            "type": str(actor.type),
            "id": actor.id,
            "name": said.actor_name,
            "roles": sorted(actor.roles),
        },
        "subject": {"type": draft.subject.type, "id": draft.subject.id, "name": said.subject_name},
        "outcome": draft.outcome,
    }
    optional = {
        "session": actor.session,
        "address": said.address,
        "request": actor.request,
        "operation": draft.operation_id,
        "reason": draft.reason,
        "detail": said.detail,
        "behalf": {"id": draft.on_behalf_of.id, "name": said.behalf_name} if draft.on_behalf_of else None,
    }
    return canonical(body | {key: value for key, value in optional.items() if value})
