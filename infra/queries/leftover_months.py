"""What left-over volumes cost month by month: from what each of them served and when, at the prices that are entered today."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from accounts.domain.permissions import Permission
from infra.domain.leftovers import Span, share_of, unattached
from infra.models import Attachment, Volume
from infra.queries.leftovers import month_price, places_of
from infra.queries.prices import price_book
from medical_audit.domain.actor import Actor

MONTHS = 12
_CENT = Decimal("0.01")


@dataclass(slots=True)
class Month:
    """One month: amounts by currency, and by project and currency; `volumes`: how many were left over at some time in it;
    `unpriced`: of these, how many have no price. `running`: it is not over yet."""

    span: Span
    running: bool
    amounts: dict[str, Decimal] = field(default_factory=dict)
    by_project: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    volumes: int = 0
    unpriced: int = 0

    @property
    def pairs(self) -> list[tuple[str, Decimal]]:
        """(currency, amount), the largest first."""
        return sorted(self.amounts.items(), key=lambda one: -one[1])


@dataclass(frozen=True, slots=True)
class Trend:
    """`months`, oldest first; `currencies` and (project, currency) pairs that have any money, the dearest first; `largest`: the
    largest amount of a month by currency, for a chart."""

    months: Sequence[Month]
    currencies: Sequence[str]
    projects: Sequence[tuple[str, str]]
    largest: Mapping[str, Decimal]


def trend(*, actor: Actor, now: datetime, tz: ZoneInfo, months: int = MONTHS) -> Trend:
    """The last months, this one so far among them. What was deleted meanwhile is in it for as long as it was there.

    Raises NotPermitted.
    """
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    found = [Month(span, span.end > now) for span in _months(now, tz, months)]
    begin = found[0].span.begin
    rows = list(Volume.objects.exclude(gone_at__lt=begin).select_related("account").order_by("id"))
    served, book, places = _served(begin, now), price_book(), places_of(rows)
    for row in rows:
        # What was before Toban saw it nobody knows.
        exists = Span(row.first_seen_at, row.gone_at or now)
        spans = unattached(exists, served.get(row.id, ()), timedelta(days=settings.LEFT_OVER_DAYS))
        if not spans:
            continue
        price, whole = month_price(row, book)
        for month in found:
            share = share_of(month.span, spans)
            if not share:
                continue
            month.volumes += 1
            if price is None or whole is None:
                month.unpriced += 1
                continue
            amount = (whole * share.numerator / share.denominator).quantize(_CENT)
            key = places[row.id][0], price.currency
            month.amounts[price.currency] = month.amounts.get(price.currency, Decimal(0)) + amount
            month.by_project[key] = month.by_project.get(key, Decimal(0)) + amount
    return _trend(found)


def _trend(found: Sequence[Month]) -> Trend:
    largest: dict[str, Decimal] = {}
    projects: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for month in found:
        for currency, amount in month.amounts.items():
            largest[currency] = max(largest.get(currency, Decimal(0)), amount)
        for key, amount in month.by_project.items():
            projects[key] += amount
    return Trend(
        found,
        sorted(largest, key=lambda currency: -largest[currency]),
        sorted(projects, key=lambda key: (-projects[key], key)),
        largest,
    )


def _served(begin: datetime, now: datetime) -> Mapping[UUID, list[Span]]:
    """What volumes served, of the servings that end so late that they say something of the time since `begin`."""
    late = begin - timedelta(days=settings.LEFT_OVER_DAYS)
    rows = Attachment.objects.filter(Q(until=None) | Q(until__gte=late))
    found: dict[UUID, list[Span]] = defaultdict(list)
    for volume, since, until in rows.values_list("volume_id", "since", "until"):
        found[volume].append(Span(since, until or now))
    return found


def _months(now: datetime, tz: ZoneInfo, count: int) -> list[Span]:
    first = now.astimezone(tz).date().replace(day=1)
    days = [first]
    for _ in range(count - 1):
        days.append((days[-1] - timedelta(days=1)).replace(day=1))
    days.reverse()
    days.append((first + timedelta(days=32)).replace(day=1))
    edges = [datetime.combine(day, time(), tz) for day in days]
    return [Span(begin, end) for begin, end in pairwise(edges)]
