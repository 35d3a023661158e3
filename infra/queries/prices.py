"""What an hour of each type costs, and a GiB of each kind of volume a month, as people entered it; and what has no price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Q

from accounts.domain.permissions import Permission
from infra.domain.power import Power
from infra.domain.prices import STALE_AFTER, VOLUME, VOLUME_SNAPSHOT, Key, billed_type
from infra.models import Price, Resource, Volume, VolumeSnapshot
from medical_audit.domain.actor import Actor


@dataclass(frozen=True, slots=True)
class PricedType:
    """One billed type in one region: how many there are, how many of them run or serve, and its price if one is known."""

    kind: str
    region: str
    type: str
    count: int
    running: int
    price: Price | None
    stale: bool

    @property
    def key(self) -> Key:
        return self.kind, self.region, self.type

    @property
    def price_key(self) -> Key:
        """The key of the price itself, which may be one for any region."""
        return (self.price.kind, self.price.region, self.price.type) if self.price else self.key


@dataclass(frozen=True, slots=True)
class PricePage:
    """`missing` types first wait for a price; `untyped`: resources whose type nobody knows, so that they have none."""

    missing: Sequence[PricedType]
    priced: Sequence[PricedType]
    unused: Sequence[PricedType]
    untyped: int

    @property
    def stale(self) -> int:
        return sum(one.stale for one in (*self.priced, *self.unused))


@dataclass(frozen=True, slots=True)
class PriceBook:
    """Every price of the tenant by key."""

    prices: Mapping[Key, Price]

    def find(self, kind: str, region: str, type_: str) -> Price | None:
        """The price in a region, else the one for any region."""
        return self.prices.get((kind, region, type_)) or self.prices.get((kind, "", type_))


def price_book() -> PriceBook:
    """Needs the tenant bound."""
    return PriceBook({(row.kind, row.region, row.type): row for row in Price.objects.all()})


def is_stale(as_of: date, now: datetime) -> bool:
    return now.date() - as_of > STALE_AFTER


def price_page(*, actor: Actor, now: datetime) -> PricePage:
    """The types in use with and without a price, and prices that nothing uses. Raises NotPermitted."""
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    book = price_book()
    count, running = _in_use()
    used = {key: book.find(*key) for key in count}
    rows = [
        PricedType(*key, count[key], running[key], price, price is not None and is_stale(price.as_of, now))
        for key, price in sorted(used.items())
        if key[2]
    ]
    taken = {price.id for price in used.values() if price is not None}
    others = [
        PricedType(*key, 0, 0, price, is_stale(price.as_of, now))
        for key, price in sorted(book.prices.items())
        if price.id not in taken
    ]
    return PricePage(
        missing=[one for one in rows if one.price is None],
        priced=[one for one in rows if one.price is not None],
        unused=others,
        untyped=sum(number for key, number in count.items() if not key[2]),
    )


def _in_use() -> tuple[Counter[Key], Counter[Key]]:
    count: Counter[Key] = Counter()
    running: Counter[Key] = Counter()
    rows = Resource.objects.filter(gone_at__isnull=True).values(
        "kind", "region", "type", "facts__engine", "facts__multi_az"
    )
    counted = rows.annotate(n=Count("id"), on=Count("id", filter=Q(state=Power.RUNNING)))
    for one in counted.order_by():
        facts = {"engine": one["facts__engine"], "multi_az": one["facts__multi_az"]}
        key = (one["kind"], one["region"], billed_type(one["kind"], one["type"], facts))
        count[key] += one["n"]
        running[key] += one["on"]
    volumes = Volume.objects.filter(gone_at__isnull=True).values("region", "type")
    for one in volumes.annotate(n=Count("id"), on=Count("id", filter=Q(state="in-use"))).order_by():
        key = (VOLUME, one["region"], one["type"].lower())
        count[key] += one["n"]
        running[key] += one["on"]
    snapshots = VolumeSnapshot.objects.filter(gone_at__isnull=True).values("region", "tier")
    for one in snapshots.annotate(n=Count("id")).order_by():
        count[VOLUME_SNAPSHOT, one["region"], one["tier"] or "standard"] += one["n"]
    return count, running
