"""Where events go outside: webhooks of a tenant, rooms of Slack and Teams; what is sent, how it is signed and tried again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from accounts.domain.notices import NEWS, Topic, topic_of_operation
from medical_audit.domain.backoff import wait_after

URL_MAX = 1000
NAME_MAX = 60
PATTERNS_MAX = 50
_PATTERN = re.compile(r"\*|[a-z][a-z0-9_]{0,39}\.(?:\*|[a-z][a-z0-9_]{0,39})")
#: Sign-ins leave by the ledger's own stream only: what people type at the door may stand in them.
NEVER_SENT = ("session.", "ledger.own_viewed")
#: Things whose name is no person's.
NAMED = frozenset({"resource", "volume", "snapshot", "schedule", "account"})
#: What else an operation may act on under a name that is no person's; a chat is told only the kind of every other one.
_OPERATED = NAMED | {
    "assignment", "calendar", "confirm_policy", "database", "override", "prices", "project", "redmine", "repository", "rotation", "round",
    "rules", "tagging_rule", "tagging_run", "ticket_rule", "volume_snapshot",
}  # fmt: skip
#: Who is let in or opened the door in an emergency is named everywhere: that is what the message is for.
_PEOPLE_SAID = "emergency."
#: What is offered first; whoever wants more writes it (group.* or a kind).
OFFERED = (
    "operation.entered", "operation.confirmed", "operation.rejected", "operation.expired", "operation.succeeded",
    "operation.failed", "operation.unknown", "operation.unsettled", "operation.missed", "breaker.opened", "breaker.closed",
    "account.unreachable", "account.reachable", "resource.drifted", "resource.certificate_ends", "volume.left_over",
    "emergency.opened", "emergency.account_used", "review.overdue", "token.refused",
)  # fmt: skip
SECRET_BYTES = 32
SECRET_MARK = "whsec_"  # noqa: S105  how Standard Webhooks begins each secret
#: For so long the old secret signs beside the new one.
BOTH_LIVE = timedelta(hours=24)
#: What nobody took for so long is a dead letter.
GIVE_UP = timedelta(days=3)
#: How many first waits (5 s) the longest is: an hour.
LONGEST_WAIT = 720
RETRY_AFTER_MAX_S = 3600
_GONE = frozenset({404, 410})


class ChannelKind(StrEnum):
    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"


CHATS = (ChannelKind.SLACK, ChannelKind.TEAMS)


#: Where incoming webhooks of the chats are; a name that begins with a dot stands for everything under it.
CHAT_HOSTS: Mapping[str, tuple[str, ...]] = {
    ChannelKind.SLACK: ("hooks.slack.com", "hooks.slack-gov.com"),
    ChannelKind.TEAMS: (
        ".webhook.office.com",
        ".logic.azure.com",
        ".api.powerplatform.com",
        ".logic.azure.us",
    ),
}


def is_chat_host(kind: str, host: str, besides: Sequence[str]) -> bool:
    """Whether a chat of this kind is at this host (with its port); `besides`: hosts that this installation knows."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    known = (*CHAT_HOSTS[ChannelKind(kind)], *besides)
    return any(name.endswith(one) if one.startswith(".") else name == one for one in known)


def clean_patterns(given: Iterable[str]) -> list[str] | None:
    """Kinds of events as they are asked for (`operation.failed`, `operation.*`, `*`), each once; None where one is not written so."""
    found = sorted({one.strip() for one in given if one.strip()})
    if not 1 <= len(found) <= PATTERNS_MAX or not all(_PATTERN.fullmatch(one) for one in found):
        return None
    return found


def silent_patterns(patterns: Iterable[str], kinds: Collection[str]) -> Mapping[str, list[str]]:
    """Those that no event will ever match, because it is of another kind or never leaves, each with what is written much like it."""
    sent = sorted(one for one in kinds if not one.startswith(NEVER_SENT))
    written = [*sent, *sorted({f"{one.partition('.')[0]}.*" for one in sent})]
    return {
        pattern: get_close_matches(pattern, written, n=3)
        for pattern in patterns
        if not any(is_wanted([pattern], kind) for kind in sent)
    }


def is_wanted(patterns: Sequence[str], kind: str) -> bool:
    """Whether a kind of event is among those that were asked for."""
    if kind.startswith(NEVER_SENT):
        return False
    return "*" in patterns or kind in patterns or f"{kind.partition('.')[0]}.*" in patterns


def topic_of(body: Mapping[str, Any]) -> Topic | None:
    """What an event (its canonical body) is news about for a chat, None where it is none."""
    kind, detail = str(body.get("kind", "")), body.get("detail") or {}
    if kind == "operation.entered":
        return topic_of_operation(str(detail.get("kind", ""))) if detail.get("state") == "ENTERED" else None
    return NEWS.get(kind)


def may_name(target_type: str, kind: str) -> bool:
    """Whether a chat may be told the name of what an operation acts on."""
    return target_type in _OPERATED or kind.startswith(_PEOPLE_SAID)


def payload_of(body: Mapping[str, Any], *, event_id: str, number: int, tenant: str) -> dict[str, Any]:
    """What a webhook is told of an event: codes, ids and times. No person's name, no reason that somebody typed, no detail."""
    subject, actor, detail = body.get("subject") or {}, body.get("actor") or {}, body.get("detail") or {}
    about = {"type": str(subject.get("type", "")), "id": str(subject.get("id", ""))}
    if about["type"] in NAMED:
        about["name"] = str(subject.get("name", ""))
    return {
        "type": str(body.get("kind", "")),
        "timestamp": str(body.get("at", "")),
        "data": {
            "id": event_id,
            "tenant": tenant,
            "number": number,
            "outcome": str(body.get("outcome", "")),
            "operation": str(body.get("operation", "")),
            "operation_kind": str(detail.get("kind", "")) if body.get("operation") else "",
            "subject": about,
            "actor": {"type": str(actor.get("type", "")), "id": str(actor.get("id", ""))},
        },
    }


def new_secret() -> str:
    return SECRET_MARK + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def is_secret(text: str) -> bool:
    """Whether a text is a secret as Standard Webhooks has it: whsec_ and 24 to 64 bytes in base64."""
    try:
        raw = base64.b64decode(text.removeprefix(SECRET_MARK), validate=True)
    except ValueError:
        return False
    return text.startswith(SECRET_MARK) and 24 <= len(raw) <= 64


def fingerprint_of(text: str) -> str:
    """By which two people can tell that they mean the same secret or address, without either showing it."""
    return hashlib.sha256(f"toban-channel:{text}".encode()).hexdigest()[:16]


def signed(body: bytes, *, message_id: str, seconds: int, keys: Sequence[str]) -> dict[str, str]:
    """The headers of Standard Webhooks: HMAC-SHA256 over id, time and the raw bytes, once for each live secret."""
    content = f"{message_id}.{seconds}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.new(_raw(key), content, hashlib.sha256).digest()).decode("ascii")
        for key in keys
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signatures),
    }


def _raw(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(SECRET_MARK))


def host_of(url: str) -> str:
    """Host and port, for a name."""
    return urlsplit(url).netloc.lower()


def slack_body(title: str, lines: Sequence[str]) -> dict[str, Any]:
    """A message as an incoming webhook of Slack takes it; names from AWS cannot become links or mentions."""
    text = "\n".join([title, *(f"• {line}" for line in lines)])
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": safe, "mrkdwn": False, "unfurl_links": False}


def teams_body(title: str, lines: Sequence[str]) -> dict[str, Any]:
    """The same as an adaptive card, as a workflow of Teams takes it; RichTextBlock shows text as it is, without Markdown."""
    rows = [{"type": "TextBlock", "text": _plain(title), "weight": "Bolder", "wrap": True}]
    rows += [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}]} for line in lines]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": rows,
    }  # fmt: skip
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }


def _plain(text: str) -> str:
    """Without the letters that a TextBlock takes for Markdown."""
    return re.sub(r"[\[\]()*_`#|~\\]", " ", text)


def is_taken(status: int) -> bool:
    return 200 <= status < 300


def is_final(kind: str, status: int) -> bool:
    """Whether trying again can do nothing: the receiver says that this address is no more."""
    return status == 410 or (kind in CHATS and status in _GONE)


def wait_for(attempts: int, chance: float, retry_after: str) -> timedelta:
    """Until the next attempt; never before the time that the receiver asked for, an hour at most."""
    wait = wait_after(attempts, chance, first_s=5.0, longest=LONGEST_WAIT)
    asked = (
        int(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 6 else 0
    )
    return max(wait, timedelta(seconds=min(asked, RETRY_AFTER_MAX_S)))
