"""EBS snapshots whose volume is gone, and volumes that would be left when their server is terminated; of the bound tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from accounts.domain.permissions import Permission
from infra.domain.disks import COPIED_FROM, SERVED_TAG, snapshot_deletion_refusal
from infra.domain.prices import VOLUME_SNAPSHOT, month_of
from infra.domain.tags import hands_off
from infra.models import Attachment, Price, Volume, VolumeSnapshot
from infra.queries.in_force import places
from infra.queries.leftovers import SHOWN_MAX, Money, month_price, places_of
from infra.queries.prices import is_stale, price_book
from medical_audit.domain.actor import Actor
from medical_audit.queries.operations import open_by_target


@dataclass(frozen=True, slots=True)
class LeftSnapshot:
    """One snapshot without a volume. volume: its row, as far as Toban ever saw it; served: what that served. amount: the most
    that it costs a month (AWS charges for the blocks that changed); refusal: why it must stay (a code), or ""."""

    snapshot: VolumeSnapshot
    volume: Volume | None
    served: str
    project: str
    owner: str
    price: Price | None
    amount: Decimal | None
    stale: bool
    refusal: str


@dataclass(frozen=True, slots=True)
class LeftSnapshots:
    """`rows`, the dearest first, at most 500; `snoozed`: those that somebody wants to keep; `total`: of `rows` and those beyond."""

    rows: Sequence[LeftSnapshot]
    snoozed: Sequence[LeftSnapshot]
    total: Money
    days: int


@dataclass(frozen=True, slots=True)
class Staying:
    """One attached volume that would stay without its server. refusal: why that cannot be changed here (a code), or ""."""

    volume: Volume
    attachment: Attachment
    price: Price | None
    amount: Decimal | None
    project: str
    refusal: str


def left_snapshots(*, actor: Actor, now: datetime) -> LeftSnapshots:
    """Snapshots older than LEFT_OVER_DAYS of volumes that do not exist any more; of a copy AWS does not say of which volume it is,
    so none is among them. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    alive = Volume.objects.filter(gone_at__isnull=True).values("volume_id")
    before = now - timedelta(days=settings.LEFT_OVER_DAYS)
    found = VolumeSnapshot.objects.filter(gone_at__isnull=True, made_at__lte=before)
    found = found.exclude(volume_id__in=alive).exclude(volume_id=COPIED_FROM)
    every = _judged(list(found.select_related("account").order_by("made_at", "id")), actor, now)
    every.sort(
        key=lambda one: (-(one.amount or Decimal(0)), -one.snapshot.size_gib, one.snapshot.snapshot_id)
    )
    snoozed = [one for one in every if (until := one.snapshot.snoozed_until) is not None and until > now]
    kept = {one.snapshot.id for one in snoozed}
    rows = [one for one in every if one.snapshot.id not in kept]
    total = Money()
    for one in rows:
        total.add(one.snapshot.size_gib, one.price, one.amount)
    return LeftSnapshots(rows[:SHOWN_MAX], snoozed, total, settings.LEFT_OVER_DAYS)


def _judged(found: Sequence[Any], actor: Actor, now: datetime) -> list[LeftSnapshot]:
    book, volumes, doors = price_book(), _volumes_of(found), places()
    homes = places_of(list(volumes.values()))
    busy = open_by_target(
        "volume_snapshot", [str(row.id) for row in found], actor=actor, beside=("snapshot.tag",)
    )
    judged = []
    for row in found:
        volume = volumes.get((str(row.account_id), row.volume_id))
        project, owner = homes[volume.id] if volume else ("", "")
        price = book.find(VOLUME_SNAPSHOT, row.region, row.tier or "standard")
        refusal = snapshot_deletion_refusal(row.tags, row.images, row.state, row.made_at, now, gone=False)
        served = (volume.served_name or volume.served_instance) if volume else ""
        judged.append(
            LeftSnapshot(
                row, volume, served or row.tags.get(SERVED_TAG, ""), row.tags.get("Project", "") or project,
                row.tags.get("Owner", "") or owner, price, month_of(price.per_hour, row.size_gib) if price else None,
                price is not None and is_stale(price.as_of, now),
                refusal
                or doors.refusal(row.account, row.region, "volume_snapshot.delete")
                or ("operation_open" if str(row.id) in busy else ""),
            )
        )  # fmt: skip
    return judged


def _volumes_of(found: Sequence[Any]) -> Mapping[tuple[str, str], Volume]:
    rows = Volume.objects.filter(volume_id__in={row.volume_id for row in found if row.volume_id})
    return {(str(row.account_id), row.volume_id): row for row in rows.select_related("account")}


def staying(*, actor: Actor) -> tuple[list[Staying], int]:
    """(at most 500 of them, how many there are in all), by server. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    held = Attachment.objects.filter(
        until__isnull=True, delete_on_termination=False, volume__gone_at__isnull=True
    )
    total = held.count()
    rows = list(
        held.select_related("volume__account").order_by("instance_name", "instance_id", "device")[:SHOWN_MAX]
    )
    volumes, book, doors = [one.volume for one in rows], price_book(), places()
    homes = places_of(volumes)
    busy = open_by_target("volume", [str(one.id) for one in volumes], actor=actor, beside=("ebs.tag",))
    found = []
    for one in rows:
        price, amount = month_price(one.volume, book)
        row = one.volume
        refusal = "multi_attached" if row.multi_attach else hands_off(row.tags)
        refusal = refusal or doors.refusal(row.account, row.region, "volume.termination")
        refusal = refusal or ("operation_open" if str(row.id) in busy else "")
        found.append(Staying(row, one, price, amount, homes[row.id][0], refusal))
    return found, total
