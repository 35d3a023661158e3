"""Receivers of a tenant's events, what was sent to them, and their secrets for whoever sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, QuerySet

from accounts.models import Channel, ChannelSecret, Dispatch, Tenant, User
from accounts.models.channel import ChannelState, DispatchState
from accounts.outside import Reach
from accounts.queries.people import actor_in
from accounts.queries.terms import kept_out
from medical_audit import sealing
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.rights import OPERATION_VIEW
from medical_audit.domain.states import State
from medical_audit.models import Operation
from medical_audit.queries.paging import Cursors, Page, page_of

#: What a sealed secret is bound to, besides its tenant.
SECRET_NAME = "channel.secret"  # noqa: S105  the name of a field
ENDED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """A receiver and what waits for it: `waiting` to be sent, `dead` for a person. `entered`: its entry that waits, of a draft."""

    row: Channel
    waiting: int
    dead: int
    entered: str = ""


def reach() -> Reach:
    """Where receivers may be."""
    return Reach(private=settings.CHANNEL_NETWORKS, any_port=True, ca_file=settings.CA_BUNDLE)


def list_channels(*, actor: Actor) -> Sequence[Standing]:
    """The tenant's receivers: active ones by name, drafts that wait for their confirmation, the last that ended. Nobody sees
    another person's own ones."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    own = Channel.objects.filter(person_id="")
    active = list(own.filter(state=ChannelState.ACTIVE).order_by("name", "id"))
    drafts = own.filter(state=ChannelState.DRAFT).order_by("made_at")
    waiting = _waiting_entries([str(one.id) for one in drafts])
    ended = own.filter(state=ChannelState.ENDED).order_by("-made_at")[:ENDED_SHOWN]
    counts = _counts(active)
    return [
        *(Standing(one, *counts.get(one.id, (0, 0))) for one in active),
        *(Standing(one, 0, 0, waiting[str(one.id)]) for one in drafts if str(one.id) in waiting),
        *(Standing(one, 0, 0) for one in ended),
    ]


def get_channel(channel_id: UUID, *, actor: Actor) -> Standing:
    """One of the tenant's receivers, or one's own. Raises NotPermitted, NotFound."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    row: Channel | None = Channel.objects.filter(_seen_by(actor), id=channel_id).first()
    if row is None:
        raise NotFound(type="channel")
    entered = _waiting_entries([str(row.id)]) if row.state == ChannelState.DRAFT else {}
    return Standing(row, *_counts([row]).get(row.id, (0, 0)), entered.get(str(row.id), ""))


def secrets_of(row: Channel, now: datetime) -> Sequence[ChannelSecret]:
    """Those that sign now, the newest first; not opened."""
    live = ChannelSecret.objects.filter(channel=row, live=True)
    return list(live.filter(Q(until__isnull=True) | Q(until__gt=now)).order_by("-made_at", "-id"))


def opened_secrets(row: Channel, now: datetime) -> Sequence[str]:
    """The same, opened. Raises sealing.Unsealable."""
    return [
        sealing.unseal(one.sealed, tenant_id=row.tenant_id, field=SECRET_NAME) for one in secrets_of(row, now)
    ]


def list_dispatches(channel_id: UUID, state: str, cursors: Cursors, *, actor: Actor) -> Page:
    """What was and is to be sent to a receiver, newest first; `state` "" for all. Raises NotPermitted, NotFound, Refused."""
    row = get_channel(channel_id, actor=actor).row
    rows = Dispatch.objects.filter(channel=row)
    if state in DispatchState.values:
        rows = rows.filter(state=state)
    return page_of(rows, ("created_at", "id"), cursors, descending=True)


def get_dispatch(dispatch_id: UUID, *, actor: Actor) -> Dispatch:
    """A message to one of the tenant's receivers. Raises NotPermitted, NotFound."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    one: Dispatch | None = Dispatch.objects.filter(id=dispatch_id, channel__person_id="").first()
    if one is None:
        raise NotFound(type="dispatch")
    return one


def count_dispatches(channel_id: UUID, *, actor: Actor) -> Mapping[str, int]:
    row = get_channel(channel_id, actor=actor).row
    return dict(Dispatch.objects.filter(channel=row).values_list("state").annotate(n=Count("id")))


def own_chats(actor: Actor) -> Mapping[str, Channel]:
    """A person's own chats by kind."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    rows = Channel.objects.filter(person_id=actor.id, state=ChannelState.ACTIVE)
    return {row.kind: row for row in rows}


def due_channels(now: datetime) -> Sequence[UUID]:
    """Active receivers of the bound tenant for which something is due."""
    due = Dispatch.objects.filter(
        state__in=(DispatchState.WAITING, DispatchState.TRYING), next_at__lte=now, channel__state=ChannelState.ACTIVE
    )  # fmt: skip
    return list(due.order_by("channel").values_list("channel", flat=True).distinct())


def person_told(tenant: Tenant, person_id: str) -> Actor | None:
    """Whose own room it is, as long as he belongs to the bound tenant and may see what happens there."""
    user = User.objects.only("id", "name", "is_active").filter(id=person_id).first()
    if user is None or kept_out(user.id):
        return None
    try:
        actor = actor_in(tenant, user, session="", address="", request="")
    except NotFound:
        return None  # he has left the tenant
    return actor if actor.may(OPERATION_VIEW, tenant.id) else None


def tenants_with_channels() -> list[UUID]:
    """Whose events go outside, over all tenants: ids only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM queue.channel_tenants()")
        return [row[0] for row in cursor.fetchall()]


def _seen_by(actor: Actor) -> Q:
    return Q(person_id="") | Q(person_id=actor.id)


def _counts(rows: Sequence[Channel]) -> dict[UUID, tuple[int, int]]:
    open_ = Q(state__in=(DispatchState.WAITING, DispatchState.TRYING))
    found: QuerySet[Dispatch] = Dispatch.objects.filter(channel__in=rows)
    counted = found.values_list("channel").annotate(
        waiting=Count("id", filter=open_), dead=Count("id", filter=Q(state=DispatchState.DEAD))
    )
    return {channel: (waiting, dead) for channel, waiting, dead in counted}


def _waiting_entries(ids: Sequence[str]) -> dict[str, str]:
    """Entry by receiver, of those that wait for their confirmation."""
    rows = Operation.objects.filter(kind="channel.open", target_id__in=ids, state=State.ENTERED)
    return {target: str(pk) for target, pk in rows.values_list("target_id", "id")}
