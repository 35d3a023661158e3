"""Volumes that serve nothing for long: what each costs a month, whom to ask, and the money by project."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Coalesce

from accounts.domain.permissions import Permission
from infra.domain.disks import deletion_refusal
from infra.domain.leftovers import Advice, advice
from infra.domain.prices import VOLUME, month_of, provisioned_beside
from infra.domain.projects import project_of
from infra.models import Price, Resource, Volume
from infra.queries.in_force import places
from infra.queries.prices import PriceBook, is_stale, price_book
from infra.queries.projects import project_rules
from medical_audit.domain.actor import Actor
from medical_audit.queries.operations import open_by_target

SHOWN_MAX = 500
#: Since when a volume serves nothing, where it is unattached.
SINCE = Coalesce("detached_at", "first_seen_at")
#: Operations that are in nobody's way.
_BESIDE = ("ebs.tag",)


@dataclass(frozen=True, slots=True)
class LeftOver:
    """One volume. `amount`: what it costs a month at `price`, None where nobody entered one; `refusal`: why it cannot be
    deleted now (a code), or "". `owner`: whom to ask, from the tag Owner of the volume or of its server."""

    volume: Volume
    since: datetime
    project: str
    owner: str
    price: Price | None
    amount: Decimal | None
    stale: bool
    advice: Advice
    refusal: str

    @property
    def beside(self) -> bool:
        """AWS charges for provisioned IOPS or throughput besides, which no price here holds."""
        row = self.volume
        return provisioned_beside(row.type, row.iops, row.throughput)


@dataclass(slots=True)
class Money:
    """What volumes cost a month together: amounts by currency, which are never added, and how many have no price."""

    volumes: int = 0
    gib: int = 0
    amounts: Counter[str] = field(default_factory=Counter)
    unpriced: int = 0

    def add(self, gib: int, price: Price | None, amount: Decimal | None) -> None:
        self.volumes += 1
        self.gib += gib
        if price is None or amount is None:
            self.unpriced += 1
        else:
            self.amounts[price.currency] += amount  # type: ignore[assignment]

    @property
    def pairs(self) -> list[tuple[str, Decimal]]:
        """(currency, amount), the largest first."""
        return sorted(
            ((name, Decimal(amount)) for name, amount in self.amounts.items()), key=lambda one: -one[1]
        )


@dataclass(frozen=True, slots=True)
class LeftOvers:
    """`rows`, the dearest first, at most 500 of them; `snoozed`: those that somebody wants to keep for now. `by_project`: the
    dearest first; all money is that of `rows` and those beyond."""

    rows: Sequence[LeftOver]
    snoozed: Sequence[LeftOver]
    total: Money
    by_project: Sequence[tuple[str, Money]]
    days: int


def left_overs(*, actor: Actor, now: datetime) -> LeftOvers:
    """Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    found = _unattached(now)
    every = _judged(found, actor, now)
    snoozed = [one for one in every if (until := one.volume.snoozed_until) is not None and until > now]
    kept = {one.volume.id for one in snoozed}
    rows = [one for one in every if one.volume.id not in kept]
    rows.sort(key=lambda one: (-(one.amount or Decimal(0)), one.since, one.volume.volume_id))
    total, projects = Money(), defaultdict[str, Money](Money)
    for one in rows:
        priced = one.volume.size_gib, one.price, one.amount
        total.add(*priced)
        projects[one.project].add(*priced)
    dearest = sorted(
        projects.items(), key=lambda pair: (-sum(pair[1].amounts.values()), -pair[1].gib, pair[0])
    )
    return LeftOvers(rows[:SHOWN_MAX], snoozed, total, dearest, settings.LEFT_OVER_DAYS)


def is_left_over(row: Volume, since: datetime | None, now: datetime) -> bool:
    """Whether a volume that serves nothing since then is left over, and nobody wants it kept for now."""
    if row.gone_at is not None or row.state != "available" or since is None:
        return False
    rested = row.snoozed_until is None or row.snoozed_until <= now
    return rested and since <= now - timedelta(days=settings.LEFT_OVER_DAYS)


def month_price(row: Volume, book: PriceBook) -> tuple[Price | None, Decimal | None]:
    """The price that holds for a volume, and what it costs a month at it."""
    price = book.find(VOLUME, row.region, row.type.lower())
    return price, month_of(price.per_hour, row.size_gib) if price else None


def places_of(rows: Sequence[Volume]) -> Mapping[UUID, tuple[str, str]]:
    """(project, owner) of each volume: from its own tags, or from those of the server that it served last."""
    served = {row.served_instance for row in rows if row.served_instance}
    servers = Resource.objects.filter(aws_id__in=served).values_list("aws_id", "project", "tags")
    of_servers: dict[str, tuple[str, Any]] = {aws_id: (project, tags) for aws_id, project, tags in servers}
    found, rules = {}, project_rules()
    for row in rows:
        project, tags = of_servers.get(row.served_instance, ("", {}))
        found[row.id] = (
            (project_of(row.tags, rules) or project)[:300],
            (row.tags.get("Owner", "") or tags.get("Owner", ""))[:300],
        )
    return found


def _unattached(now: datetime) -> Sequence[Any]:
    rows = Volume.objects.filter(gone_at__isnull=True, state="available").annotate(since=SINCE)
    long = rows.filter(since__lte=now - timedelta(days=settings.LEFT_OVER_DAYS))
    return list(long.select_related("account").order_by("since", "id"))


def _judged(found: Sequence[Any], actor: Actor, now: datetime) -> list[LeftOver]:
    book, homes, doors = price_book(), places_of(found), places()
    busy = open_by_target("volume", [str(row.id) for row in found], actor=actor, beside=_BESIDE)
    judged = []
    for row in found:
        price, amount = month_price(row, book)
        refusal = deletion_refusal(row.state, False, row.tags, False)
        judged.append(
            LeftOver(
                row, row.since, *homes[row.id], price, amount, price is not None and is_stale(price.as_of, now),
                advice(now - row.since, refusal),
                refusal or doors.refusal(row.account, row.region, "volume.delete") or ("operation_open" if str(row.id) in busy else ""),
            )
        )  # fmt: skip
    return judged
