"""Where a tenant's events go: each receiver is entered by one person and confirmed by another, because data leave the house."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts import outside
from accounts.domain.channels import (
    BOTH_LIVE,
    CHATS,
    NAME_MAX,
    URL_MAX,
    ChannelKind,
    clean_patterns,
    fingerprint_of,
    host_of,
    is_chat_host,
    is_secret,
    new_secret,
    silent_patterns,
)
from accounts.domain.notices import topics_of
from accounts.domain.permissions import Permission
from accounts.models import Channel, ChannelSecret
from accounts.models.channel import ChannelState
from accounts.queries.channels import SECRET_NAME, reach
from medical_audit import sealing
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.domain.event_kinds import event_kinds
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.queries.following import last_seq
from medical_audit.tenancy import tenant_scope

OPEN, CHANGE, ROTATE, END = "channel.open", "channel.change", "channel.rotate", "channel.end"
LANGUAGES = ("ja", "en")
CHANGED = ("name", "url", "wanted", "language")


@dataclass(frozen=True, slots=True)
class Entered:
    """What was entered, and the new secret, which is shown this once ("" for a chat, whose address is the secret)."""

    operation: Operation
    text: str


def enter_open(
    kind: str,
    name: str,
    url: str,
    wanted: Sequence[str],
    language: str,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    secret: str = "",
) -> Entered:
    """Enter a receiver; nothing is sent before another person has confirmed it. `secret`: of a webhook, where the caller has one.

    Raises NotPermitted, Refused (bad_parameter, bad_name, bad_url, https_only, private_address, bad_chat_host, bad_channel_secret,
    no_such_event, no_seal_key).
    """
    actor.require(Permission.CHANNEL_EDIT, actor.tenant_id)
    if kind not in list(ChannelKind):
        raise Refused("bad_parameter", name="kind", allowed=", ".join(ChannelKind))
    after = _read(kind, name, url, wanted, language)
    chat = kind in CHATS
    kept_secret = url.strip() if chat else _secret(secret)
    with tenant_scope(actor.tenant_id):
        row = Channel(tenant_id=actor.tenant_id, kind=kind, host=host_of(url.strip()), made_at=now, **after)
        row.save(force_insert=True)
        kept = _keep(row, kept_secret, now)
        parameters = {**after, "kind": kind, "host": row.host, "fingerprint": kept.fingerprint}
        target = OperationTarget("channel", str(row.id), row.name)
        operation = entry.enter(OPEN, target, parameters, actor=actor, now=now, reason=reason)
    return Entered(operation, "" if chat else kept_secret)


def shown_open(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": OPEN, "call": "", "receiver": parameters["kind"], **parameters}


def apply_open(operation: Operation, now: datetime) -> dict[str, Any]:
    """From now on what happens is sent. Raises StaleContent when the draft is another one than was shown."""
    row = _held(operation, ChannelState.DRAFT)
    given = operation.parameters
    secret = ChannelSecret.objects.filter(channel=row, fingerprint=given["fingerprint"]).first()
    if secret is None or {name: getattr(row, name) for name in CHANGED} != {
        name: given[name] for name in CHANGED
    }:
        raise StaleContent("channel_changed")
    row.state, row.from_seq = ChannelState.ACTIVE, last_seq()
    row.operation, row.confirmed_by_name = str(operation.id), operation.confirmed_by_name
    row.save()
    secret.live = True
    secret.save(update_fields=["live"])
    return {"host": row.host}


def enter_change(
    channel_id: UUID,
    name: str,
    url: str,
    wanted: Sequence[str],
    language: str,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
) -> Operation:
    """Enter another name, address (of a webhook) or other events of a receiver.

    Raises NotPermitted, NotFound, Refused (as enter_open; nothing_changed).
    """
    actor.require(Permission.CHANNEL_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _of_tenant(channel_id)
        after = _read(row.kind, name, url if row.kind not in CHATS else "", wanted, language)
        before = {one: getattr(row, one) for one in CHANGED}
        if before == after:
            raise Refused("nothing_changed")
        parameters = {"kind": row.kind, "host": host_of(after["url"]) or row.host, "before": before, **after}
        target = OperationTarget("channel", str(row.id), row.name)
        return entry.enter(CHANGE, target, parameters, actor=actor, now=now, reason=reason)


def shown_change(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": CHANGE, "call": "", "receiver": parameters["kind"], **parameters}


def apply_change(operation: Operation, now: datetime) -> dict[str, Any]:
    """What waits already goes to the new address. Raises StaleContent when another change came first."""
    row, given = _held(operation, ChannelState.ACTIVE), operation.parameters
    if {name: getattr(row, name) for name in CHANGED} != given["before"]:
        raise StaleContent("channel_changed")
    for name in CHANGED:
        setattr(row, name, given[name])
    row.host, row.problem, row.problem_since = given["host"], "", None
    row.operation, row.confirmed_by_name = str(operation.id), operation.confirmed_by_name
    row.save()
    return {"host": row.host}


def enter_rotate(channel_id: UUID, *, actor: Actor, now: datetime, reason: str, secret: str = "") -> Entered:
    """Enter a new secret of a webhook; from its confirmation on both sign, the old one for 24 hours more.

    Raises NotPermitted, NotFound, Refused (channel_without_secret, bad_channel_secret, no_seal_key).
    """
    actor.require(Permission.CHANNEL_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _of_tenant(channel_id)
        if row.kind in CHATS:
            raise Refused("channel_without_secret")
        secret = _secret(secret)
        kept = _keep(row, secret, now)
        parameters = {
            "kind": row.kind, "host": row.host, "secret": str(kept.id), "fingerprint": kept.fingerprint,
        }  # fmt: skip
        target = OperationTarget("channel", str(row.id), row.name)
        operation = entry.enter(ROTATE, target, parameters, actor=actor, now=now, reason=reason)
    return Entered(operation, secret)


def shown_rotate(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": ROTATE, "call": "", "receiver": parameters["kind"], **parameters}


def apply_rotate(operation: Operation, now: datetime) -> dict[str, Any]:
    """Two secrets live at most: one that was on its way out already goes. Raises StaleContent."""
    row = _held(operation, ChannelState.ACTIVE)
    new = ChannelSecret.objects.filter(channel=row, id=operation.parameters["secret"], live=False).first()
    if new is None:
        raise StaleContent("already_moved")
    live = ChannelSecret.objects.filter(channel=row, live=True)
    live.filter(until__isnull=False).delete()
    live.update(until=now + BOTH_LIVE)
    new.live = True
    new.save(update_fields=["live"])
    return {"fingerprint": new.fingerprint}


def enter_end(channel_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that nothing is sent to a receiver any more. Raises NotPermitted, NotFound."""
    actor.require(Permission.CHANNEL_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = _of_tenant(channel_id)
        target = OperationTarget("channel", str(row.id), row.name)
        parameters = {"kind": row.kind, "host": row.host}
        return entry.enter(END, target, parameters, actor=actor, now=now, reason=reason)


def shown_end(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": END, "call": "", "receiver": parameters["kind"], **parameters}


def apply_end(operation: Operation, now: datetime) -> dict[str, Any]:
    """Nothing more is sent there, what waits included, and its secrets are gone."""
    row = _held(operation, ChannelState.ACTIVE)
    end(row, now)
    return {"host": row.host}


def end(row: Channel, now: datetime) -> None:
    """Inside the caller's transaction, which records why."""
    row.state = ChannelState.ENDED
    row.save(update_fields=["state"])
    ChannelSecret.objects.filter(channel=row).delete()
    row.dispatches.filter(state__in=("waiting", "trying", "dead")).update(state="dropped", ended_at=now)


def judge_address(kind: str, url: str) -> None:
    """Raises Refused (bad_url, https_only, private_address, bad_chat_host) for what is never asked."""
    if len(url) > URL_MAX or not url.isprintable() or not url.isascii() or " " in url:
        raise Refused("bad_url")
    try:
        outside.check(url, reach())
    except outside.Unanswered as bad:
        raise Refused(bad.code) from bad
    if kind in CHATS and not is_chat_host(kind, host_of(url), settings.CHAT_HOSTS):
        raise Refused("bad_chat_host")


def _read(kind: str, name: str, url: str, wanted: Sequence[str], language: str) -> dict[str, Any]:
    name, url = name.strip(), url.strip()
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise Refused("bad_name", name=name[:NAME_MAX])
    if url or kind not in CHATS:
        judge_address(kind, url)
    chosen = topics_of(wanted) if kind in CHATS else clean_patterns(wanted)
    if not chosen:
        raise Refused("bad_parameter", name="wanted", allowed="operation.failed, operation.*, *")
    if kind not in CHATS and (silent := silent_patterns(chosen, event_kinds())):
        strange, near = next(iter(silent.items()))
        raise Refused("no_such_event", name=strange, near=", ".join(near) or "operation.*")
    if language not in LANGUAGES:
        raise Refused("bad_parameter", name="language", allowed=", ".join(LANGUAGES))
    return {"name": name, "url": "" if kind in CHATS else url, "wanted": chosen, "language": language}


def _secret(given: str) -> str:
    if given and not is_secret(given):
        raise Refused("bad_channel_secret")
    return given or new_secret()


def _keep(row: Channel, secret: str, now: datetime) -> ChannelSecret:
    kept = ChannelSecret(
        tenant_id=row.tenant_id, channel=row, fingerprint=fingerprint_of(secret), made_at=now,
        sealed=sealing.seal(secret, tenant_id=row.tenant_id, field=SECRET_NAME),
    )  # fmt: skip
    kept.save(force_insert=True)
    return kept


def _of_tenant(channel_id: UUID) -> Channel:
    """The tenant's own active receiver, held; a person's own is his alone to change."""
    row: Channel | None = (
        Channel.objects.filter(id=channel_id, state=ChannelState.ACTIVE, person_id="")
        .select_for_update()
        .first()
    )
    if row is None:
        raise NotFound(type="channel")
    return row


def _held(operation: Operation, state: ChannelState) -> Channel:
    row: Channel | None = (
        Channel.objects.filter(id=operation.target_id, state=state).select_for_update().first()
    )
    if row is None:
        raise StaleContent("already_moved")
    return row
