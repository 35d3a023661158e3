"""Calls that are sent twice: the first one counts, the second gets its answer."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.crypto import salted_hmac

from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import Refused
from medical_audit.models import StoredAnswer
from medical_audit.tenancy import tenant_scope

KEPT: Final = timedelta(hours=24)
SWEPT_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON that goes with it. `kept`: what is given when the call is sent again, where that lacks a secret.
    `version`: of the thing that is told, "" where it has none."""

    status: int
    body: Any
    kept: Any = None
    version: str = ""


def once(
    key: str, sent: bytes, act: Callable[[], Answer], *, actor: Actor, now: datetime
) -> tuple[Answer, bool]:
    """Act, unless this caller's call with this key was acted on already; then give that answer, and True.

    sent: method, address and body. Answer and effect are of one transaction. What `act` refuses had no effect, so its key
    is free again. Two at once: the second waits for the first. Raises Refused (key_reused) for another content, and whatever
    `act` raises. Needs the tenant bound.
    """
    content = salted_hmac("toban-answer", sent, algorithm="sha256").hexdigest()
    caller = f"{actor.id}/{actor.session}"[:100]
    row = StoredAnswer(
        id=uuid.uuid4(), tenant_id=actor.tenant_id, caller=caller, key=key, content=content, made_at=now,
        expires_at=now + KEPT,
    )  # fmt: skip
    StoredAnswer.objects.bulk_create([row], ignore_conflicts=True)
    found: StoredAnswer = StoredAnswer.objects.get(caller=caller, key=key)
    if found.id != row.id:
        if found.content != content:
            raise Refused("key_reused")
        return Answer(found.status or 200, found.answer, version=found.version), True
    try:
        answer = act()
    except Exception:
        StoredAnswer.objects.filter(id=row.id).delete()
        raise
    StoredAnswer.objects.filter(id=row.id).update(
        status=answer.status,
        answer=answer.body if answer.kept is None else answer.kept,
        version=answer.version,
    )
    return answer, False


def forget_over(tenant_id: UUID, *, now: datetime) -> int:
    """What nobody can ask for any more goes, by the clock and not by the next call, which may never come; gives how many."""
    with tenant_scope(tenant_id):
        ids = list(
            StoredAnswer.objects.filter(expires_at__lte=now).values_list("id", flat=True)[:SWEPT_AT_ONCE]
        )
        return int(StoredAnswer.objects.filter(id__in=ids).delete()[0]) if ids else 0
