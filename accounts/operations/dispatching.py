"""Sending dispatches: one worker at a receiver, attempts kept before each call, each message signed at the time it is sent.

No receiver waits for another: a visit is a short slice, a tenant holds LANES_PER_ACCOUNT workers at most, and a receiver that
fails is asked ever more seldom.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from accounts import outside
from accounts.domain.channels import CHATS, GIVE_UP, is_final, is_taken, signed, wait_for
from accounts.domain.permissions import Permission
from accounts.models import Channel, Dispatch, Tenant
from accounts.models.channel import ChannelState, DispatchState
from accounts.queries.channels import opened_secrets, person_told, reach
from medical_audit.domain.actor import Actor, Subject, system_actor
from medical_audit.domain.errors import AlreadyMoved, LeaseLost, NotFound
from medical_audit.domain.kinds import Health
from medical_audit.operations import stopping
from medical_audit.operations.lanes import Lease, lease_lane, note_health, release_lane
from medical_audit.operations.ledger import record
from medical_audit.sealing import Unsealable
from medical_audit.tenancy import tenant_scope

#: One answer may take so long as a whole, and one visit begins nothing more after so long.
SECONDS_MAX, SLICE_S = 10.0, 20.0
AT_ONCE = 100
#: Nobody reads an answer's body; its head alone counts against this.
BYTES_MAX = 0
#: What was sent stands in the log for so long.
KEPT_FOR = timedelta(days=30)
FORGOTTEN_AT_ONCE = 500
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """How an attempt ended: `status` of the answer (0: none came), `code` "" for taken."""

    status: int
    code: str
    detail: str
    latency_ms: int
    retry_after: str = ""


@dataclass(slots=True)
class Sent:
    """What one visit did; `more`: there is more due right now."""

    done: int = 0
    failed: int = 0
    more: bool = False


def serve(
    tenant_id: UUID,
    channel_id: UUID,
    *,
    worker: str,
    clock: Callable[[], datetime],
    seconds: float = SECONDS_MAX,
) -> Sent:
    """Send what is due to one receiver. Does nothing while somebody else is at it, or while its breaker is open. Never raises for
    what the receiver does."""
    sent = Sent()
    with tenant_scope(tenant_id):
        row = Channel.objects.filter(id=channel_id, state=ChannelState.ACTIVE).first()
    if row is None:
        return sent
    lease = lease_lane(tenant_id, row.lane, worker=worker, clock=clock)
    if lease is None:
        return sent
    try:
        _slice(row, lease, clock, seconds, sent)
        _forget(row, clock())
    except LeaseLost:
        log.info("channel_lease_lost", channel=str(channel_id))
    finally:
        release_lane(lease)
    return sent


def _slice(row: Channel, lease: Lease, clock: Callable[[], datetime], seconds: float, sent: Sent) -> None:
    end = time.monotonic() + SLICE_S
    for _ in range(AT_ONCE):
        if stopping.asked() or lease.paused:
            return
        if time.monotonic() > end:
            break
        found = _claim(row.id, lease, clock())
        if found is None:
            return
        row, claimed = found
        told = _attempt(row, claimed, clock(), seconds)
        _settle(row, claimed, told, lease, clock())
        sent.done, sent.failed = sent.done + (not told.code), sent.failed + bool(told.code)
        if not row.person_id:
            note_health(lease, Health.FAILING if told.code else Health.GOOD, told.code)
    sent.more = True


def _claim(channel_id: UUID, lease: Lease, now: datetime) -> tuple[Channel, Dispatch] | None:
    """The next one that is due, and the receiver as it stands by now; its attempt is kept before it is made."""
    with tenant_scope(lease.tenant_id):
        lease.hold()
        row: Channel | None = Channel.objects.filter(id=channel_id, state=ChannelState.ACTIVE).first()
        if row is None or row.lane != lease.lane or not _is_told(row, now):
            return None  # the next visit goes to the host that it moved to
        due = Dispatch.objects.filter(
            channel=row, state__in=(DispatchState.WAITING, DispatchState.TRYING), next_at__lte=now
        )
        one: Dispatch | None = (
            due.order_by("next_at", "seq", "id").select_for_update(skip_locked=True).first()
        )
        if one is not None:
            one.state, one.attempts, one.tried_at = DispatchState.TRYING, one.attempts + 1, now
            one.save(update_fields=["state", "attempts", "tried_at"])
    return None if one is None else (row, one)


def _is_told(row: Channel, now: datetime) -> bool:
    """Whose own room it is must belong here at this moment; else what waits is dropped."""
    if not row.person_id or person_told(Tenant.objects.get(id=row.tenant_id), row.person_id) is not None:
        return True
    waiting = row.dispatches.filter(state__in=(DispatchState.WAITING, DispatchState.TRYING))
    waiting.update(state=DispatchState.DROPPED, ended_at=now)
    return False


def _attempt(row: Channel, one: Dispatch, now: datetime, seconds: float) -> Told:
    """Outside of any transaction. No redirect is followed, and of the answer only its head is read."""
    body = one.body.encode("utf-8")
    headers = {"Content-Type": "application/json; charset=utf-8"}
    begin = time.monotonic()
    try:
        with tenant_scope(row.tenant_id):
            keys = opened_secrets(row, now)
        if not keys:
            return Told(0, "receiver_secret_gone", "", 0)
        url = keys[0] if row.kind in CHATS else row.url
        if row.kind not in CHATS:
            headers |= signed(body, message_id=f"evt_{one.id.hex}", seconds=int(now.timestamp()), keys=keys)
        bounds = outside.Bounds(seconds, BYTES_MAX)
        answer = outside.ask(
            url, bounds, reach(), method="POST", body=body, headers=headers, wants_body=False
        )
    except Unsealable:
        return Told(0, "receiver_secret_unsealable", "", 0)
    except outside.Unanswered as failed:
        # An address of a chat is a secret: what went wrong is said without it.
        detail = failed.detail.replace(url, row.host) if row.kind in CHATS else failed.detail
        return Told(0, f"receiver_{failed.code}", detail, _since(begin))
    moved = 300 <= answer.status < 400
    code = "" if is_taken(answer.status) else "receiver_moved" if moved else "receiver_refused"
    retry_after = next((text for name, text in answer.headers.items() if name.lower() == "retry-after"), "")
    return Told(answer.status, code, str(answer.status) if code else "", _since(begin), retry_after)


def _since(begin: float) -> int:
    return round((time.monotonic() - begin) * 1000)


def _settle(row: Channel, one: Dispatch, told: Told, lease: Lease, now: datetime) -> None:
    """Write how the attempt ended, if the receiver is still ours."""
    with tenant_scope(row.tenant_id):
        lease.hold()
        one.status, one.latency_ms = told.status or None, told.latency_ms
        one.outcome, one.detail = told.code, told.detail
        if not told.code:
            one.state, one.ended_at = DispatchState.DONE, now
        elif is_final(row.kind, told.status) or now - one.created_at >= GIVE_UP:
            one.state, one.ended_at = DispatchState.DEAD, now
            _record("channel.dead", row, system_actor(row.tenant_id, "channels"), now, one, told.code)
        else:
            chance = 0.5 + random.random() / 2  # noqa: S311  jitter, and never at once
            one.state = DispatchState.WAITING
            one.next_at = now + wait_for(one.attempts, chance, told.retry_after)
        # A person may have ended the receiver meanwhile: what is dropped stays so.
        Dispatch.objects.filter(id=one.id, state=DispatchState.TRYING).update(
            **{name: getattr(one, name) for name in ("state", "status", "latency_ms", "outcome", "detail", "next_at", "ended_at")}
        )  # fmt: skip
        if not told.code:
            row.problem, row.problem_since, row.sent_at = "", None, now
        elif row.problem != told.code:
            row.problem, row.problem_since = told.code, row.problem_since or now
        row.save(update_fields=["problem", "problem_since", "sent_at"])


def _forget(row: Channel, now: datetime) -> None:
    """What was taken long ago leaves the log; what nobody took stays until a person decides."""
    with tenant_scope(row.tenant_id):
        old = Dispatch.objects.filter(
            channel=row, state__in=(DispatchState.DONE, DispatchState.DROPPED), ended_at__lt=now - KEPT_FOR
        )
        Dispatch.objects.filter(id__in=list(old.values_list("id", flat=True)[:FORGOTTEN_AT_ONCE])).delete()


def replay(dispatch_id: UUID, *, actor: Actor, now: datetime) -> Dispatch:
    """Send a dead letter, or what was taken already, once more: the same bytes under the same id.

    Raises NotPermitted, NotFound, AlreadyMoved.
    """
    actor.require(Permission.CHANNEL_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        one = _over(dispatch_id, DispatchState.DEAD, DispatchState.DONE)
        one.state, one.next_at, one.created_at, one.attempts = DispatchState.WAITING, now, now, 0
        one.outcome, one.detail, one.ended_at = "", "", None
        one.save()
        _record("channel.replayed", one.channel, actor, now, one)
    return one


def replay_all(channel_id: UUID, *, actor: Actor, now: datetime) -> int:
    """Send every dead letter of a receiver once more; gives how many. Raises NotPermitted, NotFound."""
    actor.require(Permission.CHANNEL_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        row = Channel.objects.filter(id=channel_id, state=ChannelState.ACTIVE, person_id="").first()
        if row is None:
            raise NotFound(type="channel")
        dead = Dispatch.objects.filter(channel=row, state=DispatchState.DEAD)
        count = dead.update(
            state=DispatchState.WAITING, next_at=now, created_at=now, attempts=0, outcome="", detail="", ended_at=None
        )  # fmt: skip
        if count:
            subject = Subject("channel", str(row.id), row.name)
            detail = {"host": row.host, "items": count}
            record("channel.replayed", actor=actor, subject=subject, now=now, detail=detail)
    return count


def discard(dispatch_id: UUID, *, actor: Actor, now: datetime) -> Dispatch:
    """Leave a dead letter out for good. Raises NotPermitted, NotFound, AlreadyMoved."""
    actor.require(Permission.CHANNEL_EDIT, actor.tenant_id)
    with tenant_scope(actor.tenant_id):
        one = _over(dispatch_id, DispatchState.DEAD)
        one.state, one.ended_at = DispatchState.DROPPED, now
        one.save(update_fields=["state", "ended_at"])
        _record("channel.discarded", one.channel, actor, now, one)
    return one


def _over(dispatch_id: UUID, *states: DispatchState) -> Dispatch:
    one: Dispatch | None = (
        Dispatch.objects.filter(id=dispatch_id, channel__person_id="", channel__state=ChannelState.ACTIVE)
        .select_related("channel").select_for_update(of=("self",)).first()
    )  # fmt: skip
    if one is None:
        raise NotFound(type="dispatch")
    if one.state not in states:
        raise AlreadyMoved(state=one.state)
    return one


def _record(kind: str, row: Channel, actor: Actor, now: datetime, one: Dispatch, code: str = "") -> None:
    detail: dict[str, object] = {"host": row.host, "items": one.items, "dispatch": str(one.id)}
    record(
        kind, actor=actor, subject=Subject("channel", str(row.id), row.name), now=now,
        detail=detail | ({"code": code} if code else {}), outcome="failed" if code else "ok",
    )  # fmt: skip
