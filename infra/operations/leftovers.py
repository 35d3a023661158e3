"""Volumes that serve nothing for long: recorded once when they become left over, once when they are not any more; and what
people decide about many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts.domain.permissions import Permission
from infra.domain.leftovers import SNOOZE_MAX_DAYS
from infra.models import Region, Volume
from infra.operations.batches import Undone, enter_each, limited
from infra.operations.deleting import enter_delete
from infra.queries.leftovers import SINCE, places_of
from medical_audit.domain.actor import Actor, EventDraft, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import Refused
from medical_audit.models import Operation
from medical_audit.operations.ledger import record_many
from medical_audit.tenancy import tenant_scope

#: What one look records at most, so that the first look at an old account holds nothing up; the next look goes on.
TOLD_AT_ONCE = 200
#: What a volume is that nobody wants kept.
_AWAKE: dict[str, Any] = {"snoozed_until": None, "snooze_reason": "", "snoozed_by_name": ""}


def tell_left_over(region: Region, *, actor: Actor, now: datetime) -> int:
    """Record what became left over and what is so no longer; gives how many. The caller holds the region's row.

    A volume is left over when it was seen unattached for LEFT_OVER_DAYS: a first look saw it so, and this one still does.
    """
    here = Volume.objects.filter(account=region.account_id, region=region.name)
    return _begin(here, actor=actor, now=now) + _end(here, actor=actor, now=now)


def end_all_left_over(region: Region, *, actor: Actor, now: datetime) -> None:
    """Record of all that is gone by now that it is left over no longer, where no next look goes on. The caller holds the region's row."""
    here = Volume.objects.filter(account=region.account_id, region=region.name)
    while _end(here, actor=actor, now=now):
        pass


def _begin(here: QuerySet[Volume], *, actor: Actor, now: datetime) -> int:
    since = now - timedelta(days=settings.LEFT_OVER_DAYS)
    rested = Q(snoozed_until__isnull=True) | Q(snoozed_until__lte=now)
    left = here.filter(rested, left_over_at__isnull=True, gone_at__isnull=True, state="available")
    found = _held(left.annotate(since=SINCE).filter(since__lte=since))
    record_of("volume.left_over", found, actor, now, lambda row: facts_of(row, now))
    Volume.objects.filter(id__in=[row.id for row in found]).update(left_over_at=now, **_AWAKE)
    return len(found)


def _end(here: QuerySet[Volume], *, actor: Actor, now: datetime) -> int:
    over = here.filter(Q(gone_at__isnull=False) | ~Q(state="available"))
    awake = _held(over.filter(snoozed_until__isnull=False))
    Volume.objects.filter(id__in=[row.id for row in awake]).update(**_AWAKE)
    found = _held(over.filter(left_over_at__isnull=False))
    record_of("volume.taken_up", found, actor, now, lambda row: {"gone": row.gone_at is not None})
    Volume.objects.filter(id__in=[row.id for row in found]).update(left_over_at=None)
    return len(found)


def _held(rows: QuerySet[Any]) -> list[Any]:
    """Some of these rows, locked. Mostly there are none, and then nothing is locked either."""
    ids = list(rows.order_by("id").values_list("id", flat=True)[:TOLD_AT_ONCE])
    if not ids:
        return []
    return list(
        rows.filter(id__in=ids).select_related("account").select_for_update(of=("self",)).order_by("id")
    )


def snooze(volume_ids: Sequence[UUID], *, days: int, reason: str, actor: Actor, now: datetime) -> int:
    """Leave volumes alone for some days: until then none of them is left over. Gives how many there were; others are passed by.

    Raises NotPermitted, Refused (bad_parameter, too_many).
    """
    actor.require(Permission.VOLUME_DELETE, actor.tenant_id)
    limited(volume_ids)
    if not 1 <= days <= SNOOZE_MAX_DAYS:
        raise Refused("bad_parameter", name="days", allowed=f"1-{SNOOZE_MAX_DAYS}")
    if not reason.strip():
        raise Refused("reason_missing")
    until = now + timedelta(days=days)
    with tenant_scope(actor.tenant_id):
        rows = Volume.objects.filter(id__in=volume_ids, gone_at__isnull=True, state="available")
        found = list(rows.select_for_update(of=("self",)).order_by("id"))
        record_of(
            "volume.snoozed",
            found,
            actor,
            now,
            lambda row: {"days": days, "until": utc_text(until)},
            reason=reason,
        )
        Volume.objects.filter(id__in=[row.id for row in found]).update(
            snoozed_until=until, snooze_reason=reason, snoozed_by_name=actor.name, left_over_at=None
        )
    return len(found)


def enter_deletes(
    volume_ids: Sequence[UUID], *, actor: Actor, now: datetime, reason: str, token: str
) -> tuple[list[Operation], list[Undone]]:
    """Enter the deletion of each, for another person to confirm; one that cannot be deleted holds back none of the others.

    The same token enters each once. Raises NotPermitted, Refused (too_many).
    """
    actor.require(Permission.VOLUME_DELETE, actor.tenant_id)
    return enter_each(
        volume_ids, lambda one: enter_delete(one, actor=actor, now=now, reason=reason, token=token)
    )


def held(volume_ids: Sequence[UUID]) -> dict[UUID, Any]:
    """These volumes of the bound tenant as far as there are any, locked, each with the instant `since` which it serves nothing."""
    rows = Volume.objects.filter(id__in=volume_ids).annotate(since=SINCE).select_related("account")
    return {row.id: row for row in rows.select_for_update(of=("self",)).order_by("id")}


def facts_of(row: Any, now: datetime) -> dict[str, object]:
    """What the ledger keeps of a left-over volume (with `since`), so that a ticket can tell of it."""
    return {
        "account_id": row.account.account_id, "region": row.region, "gib": row.size_gib, "type": row.type,
        "since": utc_text(row.since), "days": (now - row.since).days, "served": row.served_name or row.served_instance,
    }  # fmt: skip


def record_of(
    kind: str,
    rows: Sequence[Any],
    actor: Actor,
    now: datetime,
    detail: Callable[[Any], dict[str, object]],
    *,
    reason: str = "",
) -> None:
    """One event for each of these volumes, with the project that it belongs to."""
    places = places_of(rows)
    drafts = [
        EventDraft(
            kind=kind, actor=actor, at=now, subject=Subject("volume", str(row.id), row.name or row.volume_id), reason=reason,
            detail={"volume": row.volume_id, "project": places[row.id][0], **detail(row)},
        )
        for row in rows
    ]  # fmt: skip
    record_many(actor.tenant_id, drafts)
