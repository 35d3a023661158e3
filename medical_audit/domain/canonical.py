"""One canonical text per event (RFC 8785), and the digest of what a person was shown."""

import hashlib
from datetime import UTC, datetime

import rfc8785

from medical_audit.domain.actor import EventDraft


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


def event_body(draft: EventDraft) -> str:
    """The canonical body of one event."""
    actor = draft.actor
    body: dict[str, object] = {
        "v": 1,
        "kind": draft.kind,
        "at": utc_text(draft.at),
        "actor": {"type": str(actor.type), "id": actor.id, "name": actor.name, "roles": sorted(actor.roles)},
        "subject": {"type": draft.subject.type, "id": draft.subject.id, "name": draft.subject.name},
        "outcome": draft.outcome,
    }
    optional = {
        "session": actor.session,
        "address": actor.address,
        "request": actor.request,
        "operation": draft.operation_id,
        "reason": draft.reason,
        "detail": draft.detail,
        "behalf": {"id": draft.on_behalf_of.id, "name": draft.on_behalf_of.name}
        if draft.on_behalf_of
        else None,
    }
    return canonical(body | {key: value for key, value in optional.items() if value})
