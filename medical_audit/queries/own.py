"""A person's own part of the record: what he did, what was entered in his name, where he sat."""

import json
from datetime import datetime, timedelta

from django.conf import settings

from medical_audit.domain.actor import Actor, ActorType
from medical_audit.domain.rights import OPERATION_VIEW
from medical_audit.models import Event, Operation, Visit
from medical_audit.queries.paging import Cursors, Page, page_of

#: What Toban does at once in the transaction that confirms.
FOLLOWS = ("operation.called", "operation.succeeded")


def own_events(cursors: Cursors, *, actor: Actor) -> Page:
    """What the actor himself did, newest first; not what followed by itself. Raises NotPermitted, Refused."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Event.objects.filter(actor_type=str(ActorType.USER), actor_id=actor.id)
    rows = rows.exclude(kind__in=FOLLOWS)
    return page_of(rows, ("event_at", "ord"), cursors, descending=True)


def count_of(kind: str, subject_type: str, subject_id: str, *, actor: Actor, since: datetime) -> int:
    """How often the actor did this to one thing since then. Raises NotPermitted."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Event.objects.filter(
        subject_type=subject_type, subject_id=subject_id, kind=kind, actor_id=actor.id
    )
    return rows.filter(event_at__gte=since - timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)).count()


def was_shown(page: str, *, actor: Actor, now: datetime) -> bool:
    """Whether the record says that this session was shown this page of the auditor's within the last hour."""
    since = now - timedelta(hours=1, seconds=settings.TOBAN_CLOCK_OFFSET)
    rows = Event.objects.filter(kind="ledger.viewed", actor_id=actor.id, event_at__gte=since)
    return any(
        said.get("session") == actor.session and said.get("detail", {}).get("page") == page
        for said in map(json.loads, rows.values_list("body", flat=True))
    )


def in_own_name(cursors: Cursors, *, actor: Actor) -> Page:
    """The operations that somebody else entered for the actor, newest first. Raises NotPermitted, Refused."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Operation.objects.exclude(on_behalf_of_id="").filter(on_behalf_of_id=actor.id)
    return page_of(rows, ("entered_at", "id"), cursors, descending=True)


def own_visits(cursors: Cursors, *, actor: Actor) -> Page:
    """The actor's sessions in this tenant, newest first. Raises NotPermitted, Refused."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    return page_of(Visit.objects.filter(user_id=actor.id), ("entered_at", "id"), cursors, descending=True)
