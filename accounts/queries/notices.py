"""A person's inbox: read from the ledger and from what waits now, never from a copy of its own.

How far he has read is a place in the tenant's chain: events get theirs at COMMIT, one after the other, so that none can
slip in behind a mark that was set meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import CharField, Exists, Max, OuterRef, QuerySet
from django.db.models.functions import Cast

from accounts.domain.notices import NEWS, NEWS_FOR, URGENT, Topic, news_kinds, topic_of_operation, topics_of
from accounts.models import NoticeChoice, NoticeDelivery
from medical_audit.domain.actor import Actor
from medical_audit.domain.kinds import all_kinds
from medical_audit.domain.rights import OPERATION_VIEW
from medical_audit.models import Event, Link, Operation
from medical_audit.queries.operations import awaiting_rows
from medical_audit.queries.paging import Cursors, Page, page_of
from medical_audit.tenancy import current_tenant_id

#: A bell that says 99+ is not read more exactly.
COUNTED = 100
WAITING_SHOWN = 50


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened."""

    event: Event
    topic: Topic
    unread: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """One operation that waits for this person."""

    operation: Operation
    topic: Topic
    unread: bool


def choice_of(actor: Actor) -> NoticeChoice:
    """The person's choice, or what holds without one (not saved): everything in the portal, no mail."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    row: NoticeChoice | None = NoticeChoice.objects.filter(person_id=actor.id).first()
    return row or NoticeChoice(
        tenant_id=actor.tenant_id,
        person_id=actor.id,
        person_name=actor.name,
        inbox=[str(one) for one in Topic],
    )


def head_seq() -> int:
    """The place of the newest event of the bound tenant."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM ledger.head WHERE tenant_id = %s", [current_tenant_id()])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def unread_count(actor: Actor, now: datetime) -> int:
    """How much is unread, COUNTED at most."""
    choice = choice_of(actor)
    news = _news(choice.inbox, now).filter(_beyond(choice.seen_seq))[:COUNTED].count()
    rows = _waiting(actor, choice.inbox, now).filter(_entered_beyond(choice.seen_seq))
    return min(COUNTED, news + rows[:COUNTED].count())


def list_news(choice: NoticeChoice, cursors: Cursors, *, actor: Actor, now: datetime) -> Page:
    """One page of News, newest first. Raises NotPermitted, Refused."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    page = page_of(_news(choice.inbox, now), ("event_at", "ord"), cursors, descending=True)
    return Page(_as_news(page.rows, choice.seen_seq), page.previous, page.next)


def news_since(topics: Sequence[str], seq: int, *, now: datetime, limit: int) -> tuple[list[News], int]:
    """What happened after a place in the chain, oldest first, and how much of it there is (up to COUNTED)."""
    rows = _news(topics, now).filter(_beyond(seq))
    return _as_news(list(rows.order_by("event_at", "ord")[:limit]), seq), rows[:COUNTED].count()


def waiting_for(actor: Actor, topics: Sequence[str], seq: int, *, now: datetime) -> tuple[list[Waiting], int]:
    """What this person could confirm now and did not enter himself, and how much of it there is.

    WAITING_SHOWN at most: first what is unread (entered after `seq`), then the rest, each the oldest first.
    """
    rows = _waiting(actor, topics, now)
    new = list(rows.filter(_entered_beyond(seq)).order_by("entered_at", "id")[:WAITING_SHOWN])
    old = rows.exclude(id__in=[one.id for one in new]).order_by("entered_at", "id")
    shown = [*new, *old[: WAITING_SHOWN - len(new)]]
    total = len(shown) if len(shown) < WAITING_SHOWN else rows.count()
    return _as_waiting(shown, seq), total


def waiting_since(
    actor: Actor, topics: Sequence[str], seq: int, *, now: datetime, limit: int
) -> tuple[list[Waiting], int]:
    """Of it what was entered after a place in the chain, oldest first, and how much of that there is (up to COUNTED)."""
    rows = _waiting(actor, topics, now).filter(_entered_beyond(seq))
    found = list(rows.order_by("entered_at", "id")[:limit])
    return _as_waiting(found, seq), len(found) if len(found) < limit else rows[:COUNTED].count()


def waiting_among(actor: Actor, topics: Sequence[str], ids: Collection[str], *, now: datetime) -> set[str]:
    """Which of these operations wait for this person."""
    return {str(one) for one in _waiting(actor, topics, now).filter(id__in=ids).values_list("id", flat=True)}


def list_waiting(topics: Sequence[str], seq: int, cursors: Cursors, *, actor: Actor, now: datetime) -> Page:
    """One page of Waiting, oldest first. Raises NotPermitted, Refused."""
    page = page_of(_waiting(actor, topics, now), ("entered_at", "id"), cursors)
    return Page(_as_waiting(page.rows, seq), page.previous, page.next)


def list_deliveries(cursors: Cursors, *, actor: Actor) -> Page:
    """One page of the mails to this person, newest first. Raises NotPermitted, Refused."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    return page_of(
        NoticeDelivery.objects.filter(person_id=actor.id), ("begun_at", "id"), cursors, descending=True
    )


def urgent_seq(now: datetime) -> int | None:
    """The place of the newest event of the last hour about which people are mailed at once, or None."""
    events = Event.objects.filter(kind__in=URGENT, event_at__gte=now - timedelta(hours=1)).values("id")
    found: int | None = Link.objects.filter(event_id__in=events).aggregate(seq=Max("seq"))["seq"]
    return found


def _news(topics: Sequence[str], now: datetime) -> QuerySet[Event]:
    rows: QuerySet[Event] = Event.objects.filter(kind__in=news_kinds(topics), event_at__gte=now - NEWS_FOR)
    return rows


def _waiting(actor: Actor, topics: Sequence[str], now: datetime) -> QuerySet[Operation]:
    """Before anything is cut: what he entered himself, and what he does not want to hear of, takes no other's place."""
    chosen = set(topics_of(topics))
    kinds = [one.name for one in all_kinds() if str(topic_of_operation(one.name)) in chosen]
    return awaiting_rows(actor=actor, now=now).filter(kind__in=kinds).exclude(entered_by_id=actor.id)


def _entered_beyond(seq: int) -> Exists:
    """Of operations: entered after a place in the chain."""
    entries = Event.objects.filter(operation_id=Cast(OuterRef("id"), CharField()), kind="operation.entered")
    return Exists(entries.filter(_beyond(seq)))


def _beyond(seq: int) -> Exists:
    return Exists(Link.objects.filter(event_id=OuterRef("id"), event_at=OuterRef("event_at"), seq__gt=seq))


def _as_news(events: Sequence[Event], seq: int) -> list[News]:
    places = _places([event.id for event in events])
    return [News(event, NEWS[event.kind], places.get(event.id, 0) > seq) for event in events]


def _as_waiting(operations: Sequence[Operation], seq: int) -> list[Waiting]:
    places = _entered_at(operations)
    return [
        Waiting(one, topic_of_operation(one.kind), places.get(str(one.id), 0) > seq) for one in operations
    ]


def _places(ids: Sequence[Any]) -> Mapping[Any, int]:
    return dict(Link.objects.filter(event_id__in=ids).values_list("event_id", "seq"))


def _entered_at(operations: Sequence[Operation]) -> Mapping[str, int]:
    """The place in the chain of each operation's entry."""
    entries = Event.objects.filter(
        operation_id__in=[str(one.id) for one in operations], kind="operation.entered"
    ).values_list("id", "operation_id")
    by_event = dict(entries)
    return {by_event[event_id]: seq for event_id, seq in _places(list(by_event)).items()}
