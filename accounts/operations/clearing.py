"""What nobody has a use for any more goes: rooms of who has left, secrets that nothing is signed with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Cast

from accounts.models import Channel, ChannelSecret, Membership, MemberTerms
from accounts.models.channel import ChannelState
from accounts.operations.channels import OPEN, ROTATE, end
from accounts.operations.ending_tokens import end_tokens_of
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope


def end_means_of(user_id: UUID, *, actor: Actor, now: datetime) -> int:
    """What goes on without somebody who belongs to the actor's tenant no more: his tokens, and his own rooms with their addresses.

    With what ends his place there; gives how many tokens.
    """
    with tenant_scope(actor.tenant_id):
        end_rooms(Channel.objects.filter(person_id=str(user_id)), actor=actor, now=now)
        return end_tokens_of(user_id, actor=actor, now=now)


def clear(*, actor: Actor, now: datetime) -> int:
    """Both in the actor's tenant, whatever ended a place or an entry; gives how many rooms and secrets went."""
    with tenant_scope(actor.tenant_id):
        rooms = end_rooms(_left(Channel.objects.exclude(person_id=""), now), actor=actor, now=now)
        secrets = _unused(now)
        for one in secrets:
            subject = Subject("channel", str(one.channel_id), one.channel.name)
            detail: dict[str, object] = {"fingerprint": one.fingerprint}
            record("channel.secret_gone", actor=actor, subject=subject, now=now, detail=detail)
        ChannelSecret.objects.filter(id__in=[one.id for one in secrets]).delete()
    return rooms + len(secrets)


def end_rooms(rooms: QuerySet[Channel], *, actor: Actor, now: datetime) -> int:
    """Inside the caller's scope: people's own rooms end, what waits for them included, and their addresses are gone."""
    kept = Exists(ChannelSecret.objects.filter(channel=OuterRef("id")))
    rows = list(
        rooms.filter(Q(state=ChannelState.ACTIVE) | kept).select_for_update(of=("self",)).order_by("id")
    )
    for row in rows:
        end(row, now)
        detail: dict[str, object] = {"host": row.host, "topics": row.wanted}
        record(
            "channel.own_ended", actor=actor, subject=Subject("channel", str(row.id), row.name), now=now, detail=detail
        )  # fmt: skip
    return len(rows)


def _left(rooms: QuerySet[Channel], now: datetime) -> QuerySet[Channel]:
    """Those whose person has no account, no role here, or terms that are over."""
    # By text: what is no id is nobody's, and stops no other room's end.
    here = Membership.objects.filter(user__is_active=True).annotate(told=Cast("user_id", CharField()))
    over = MemberTerms.objects.filter(ends_at__lte=now).annotate(told=Cast("user_id", CharField()))
    mine = {"told": OuterRef("person_id")}
    return rooms.filter(~Exists(here.filter(**mine)) | Exists(over.filter(**mine)))


def _unused(now: datetime) -> Sequence[ChannelSecret]:
    """Of an exchange whose day is over, and of entries that wait no more and were not confirmed."""
    # Held before the entries are read: what is just being confirmed is not seen as over, or is seen as confirmed.
    held = ChannelSecret.objects.select_related("channel").select_for_update(of=("self",), skip_locked=True)
    over = list(held.filter(live=True, until__lte=now))
    new = list(held.filter(live=False))
    waiting = Operation.objects.filter(
        kind__in=(OPEN, ROTATE), state=State.ENTERED, target_id__in=[str(one.channel_id) for one in new]
    )
    awaited = {(one.target_id, one.parameters["fingerprint"]) for one in waiting}
    return over + [one for one in new if (str(one.channel_id), one.fingerprint) not in awaited]
