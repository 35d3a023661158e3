"""From the ledger to dispatches: what happened becomes what is to be sent, each event once to each receiver."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts.domain.channels import (
    CHATS,
    ChannelKind,
    is_wanted,
    may_name,
    payload_of,
    slack_body,
    teams_body,
    topic_of,
)
from accounts.domain.notices import Topic
from accounts.models import Channel, ChannelCursor, Dispatch, Tenant
from accounts.models.channel import ChannelState
from accounts.queries.channels import person_told
from accounts.queries.notices import waiting_among
from medical_audit.models import Operation
from medical_audit.queries.following import Followed, events_after
from medical_audit.tenancy import tenant_scope

EVENTS_AT_ONCE = 500
#: A message of a chat says so many things one by one; the rest is counted.
LINES = 20
_OWN = (Topic.WAITING, Topic.BRAKE)


@dataclass(slots=True)
class _Told:
    """What one chat is told of these events, in order."""

    rows: list[tuple[Followed, Mapping[str, Any], Topic]] = field(default_factory=list)


def follow(tenant_id: UUID, *, now: datetime) -> int:
    """Read on in a tenant's ledger until its end; gives the number of new dispatches. Whoever comes second finds nothing to do.

    The place up to which was read and the dispatches made of it are one transaction, so that a crash repeats nothing.
    """
    made = 0
    while True:
        with tenant_scope(tenant_id):
            channels = list(Channel.objects.filter(state=ChannelState.ACTIVE).order_by("id"))
            cursor = _cursor(tenant_id, channels)
            if cursor is None:
                return made
            seen = events_after(cursor.seq, limit=EVENTS_AT_ONCE)
            if not seen:
                return made
            made += _take(Tenant.objects.get(id=tenant_id), channels, seen, now)
            cursor.seq = seen[-1].seq
            cursor.save(update_fields=["seq"])
        if len(seen) < EVENTS_AT_ONCE:
            return made


def _cursor(tenant_id: UUID, channels: Sequence[Channel]) -> ChannelCursor | None:
    """Held until the end of the transaction; None where nobody listens or somebody else is at it. What happened while nobody
    listened is passed over."""
    if not channels:
        return None
    first = min(one.from_seq for one in channels)
    ChannelCursor.objects.bulk_create([ChannelCursor(tenant_id=tenant_id, seq=first)], ignore_conflicts=True)
    row: ChannelCursor | None = ChannelCursor.objects.select_for_update(skip_locked=True).first()
    if row is not None:
        row.seq = max(row.seq, first)
    return row


def _take(tenant: Tenant, channels: Sequence[Channel], seen: Sequence[Followed], now: datetime) -> int:
    read = [(one, one.event.said) for one in seen]
    rows: list[Dispatch] = []
    for channel in channels:
        mine = [
            (one, body) for one, body in read if one.seq > channel.from_seq and not _is_own(channel, body)
        ]
        if channel.kind in CHATS:
            rows += _chat(tenant, channel, mine, now)
        else:
            rows += [
                _webhook(tenant, channel, one, body, now)
                for one, body in mine
                if is_wanted(channel.wanted, one.event.kind)
            ]
    Dispatch.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _is_own(channel: Channel, body: Mapping[str, Any]) -> bool:
    """What is said of a receiver's own trouble is not sent there: it would be its own cause."""
    subject = body.get("subject") or {}
    return subject.get("id") in (str(channel.id), channel.lane)


def _webhook(
    tenant: Tenant, channel: Channel, one: Followed, body: Mapping[str, Any], now: datetime
) -> Dispatch:
    payload = payload_of(body, event_id=str(one.event.id), number=one.seq, tenant=tenant.slug)
    return _dispatch(channel, one, one.event.kind, 1, payload, now)


def _chat(
    tenant: Tenant, channel: Channel, mine: Sequence[tuple[Followed, Mapping[str, Any]]], now: datetime
) -> list[Dispatch]:
    """One message with everything that came together: a round that fails at a hundred servers is one message."""
    news = [
        (one, body, topic)
        for one, body in mine
        if (topic := topic_of(body)) is not None and str(topic) in channel.wanted
    ]
    if news and channel.person_id:
        news = _for_person(tenant, channel, news, now)
    if not news:
        return []
    with translation.override(channel.language):
        title, lines = _said(tenant, news)
    body = (slack_body if channel.kind == ChannelKind.SLACK else teams_body)(title, lines)
    first, _body, topic = news[0]
    return [_dispatch(channel, first, str(topic), len(news), body, now)]


def _for_person(
    tenant: Tenant, channel: Channel, news: list[tuple[Followed, Mapping[str, Any], Topic]], now: datetime
) -> list[tuple[Followed, Mapping[str, Any], Topic]]:
    """Only what he may see, and of what waits only what waits for him."""
    actor = person_told(tenant, channel.person_id)
    if actor is None:
        return []
    named = {str(body["operation"]) for _one, body, topic in news if topic in _OWN and body.get("operation")}
    mine = waiting_among(actor, channel.wanted, named, now=now)
    return [one for one in news if one[2] not in _OWN or str(one[1].get("operation", "")) in mine]


def _said(tenant: Tenant, news: Sequence[tuple[Followed, Mapping[str, Any], Topic]]) -> tuple[str, list[str]]:
    """The first line and the others, in the language that is active."""
    shown = news[:LINES]
    ids = {str(body["operation"]) for _one, body, _topic in shown if body.get("operation")}
    operations = {str(row.id): row for row in Operation.objects.filter(id__in=ids)}
    home = settings.TOBAN_URL.rstrip("/")
    rows = [
        {
            "event": one.event,
            "topic": str(topic),
            "operation": (row := operations.get(str(body.get("operation", "")))),
            "may_name": row is not None and may_name(row.target_type, row.kind),
            "link": _link(home, tenant.slug, body),
        }
        for one, body, topic in shown
    ]
    context = {
        "tenant": tenant, "rows": rows, "items": len(news), "more": len(news) - len(shown),
        "inbox": f"{home}{reverse('inbox:list', args=[tenant.slug])}" if home else "",
    }  # fmt: skip
    text = render_to_string("accounts/chat.txt", context)
    title, *lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return title, lines


def _link(home: str, slug: str, body: Mapping[str, Any]) -> str:
    operation = str(body.get("operation", ""))
    if not home or not operation:
        return ""
    return home + reverse("medical_audit:operation", kwargs={"slug": slug, "pk": operation})


def _dispatch(
    channel: Channel, one: Followed, kind: str, items: int, body: Mapping[str, Any], now: datetime
) -> Dispatch:
    return Dispatch(
        tenant_id=channel.tenant_id, channel=channel, seq=one.seq, event_id=one.event.id, event_kind=kind[:80],
        items=items, body=json.dumps(body, ensure_ascii=False, separators=(",", ":")), next_at=now, created_at=now,
    )  # fmt: skip
