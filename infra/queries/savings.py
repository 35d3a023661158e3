"""Hours that schedules keep resources off in a month, and what that is worth at the prices that people entered.

Hours come from the engine, schedule by schedule, without overrides. Only what Toban really switches counts: accounts in
which it only observes are named apart. Different currencies are never added, and a type without a price has no amount.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count

from infra.domain.calendar import Calendar
from infra.domain.duty import Duty
from infra.domain.prices import Key, billed_type
from infra.domain.schedule import Schedule
from infra.domain.stretches import Hours, hours
from infra.models import Price, Resource
from infra.models.account import Automation
from infra.queries.prices import PriceBook, is_stale


@dataclass(frozen=True, slots=True)
class Line:
    """Resources of one billed type: hours off in the month of all of them together, and the amount if it is priced."""

    kind: str
    region: str
    type: str
    count: int
    hours: Decimal
    price: Price | None
    amount: Decimal | None
    stale: bool


@dataclass(frozen=True, slots=True)
class Saving:
    """One month of one schedule. each: what it wants of one resource; hours: off, of all resources together.

    amounts: by currency. missing: billed types without a price. untyped, observed: resources that are not counted in
    money, and not at all. sources, oldest: where the prices used come from, and the oldest of their dates.
    """

    month: date
    each: Hours
    resources: int
    hours: Decimal
    amounts: Sequence[tuple[str, Decimal]]
    lines: Sequence[Line]
    missing: Sequence[Key]
    untyped: int
    observed: int
    sources: Sequence[str]
    oldest: date | None
    stale: bool


def month_of(now: datetime, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """First moment of the local month and of the next one."""
    first = now.astimezone(tz).date().replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    begin, end = (datetime.combine(day, time(), tz) for day in (first, following))
    return begin, end


def savings(
    schedules: Mapping[UUID, Schedule], calendar: Calendar, book: PriceBook, *, now: datetime
) -> dict[UUID, Saving]:
    """This month of each schedule, by the id of its published revision. Needs the tenant bound; one query for all."""
    followers: dict[UUID, list[tuple[Key, str, int]]] = {}
    rows = Resource.objects.filter(gone_at__isnull=True, schedule_revision__in=list(schedules)).values(
        "schedule_revision",
        "kind",
        "region",
        "type",
        "facts__engine",
        "facts__multi_az",
        "account__automation",
    )
    for one in rows.annotate(n=Count("id")).order_by():
        facts = {"engine": one["facts__engine"], "multi_az": one["facts__multi_az"]}
        key = (one["kind"], one["region"], billed_type(one["kind"], one["type"], facts))
        followers.setdefault(one["schedule_revision"], []).append((key, one["account__automation"], one["n"]))
    return {
        revision: _saving(schedule, calendar, book, followers.get(revision, ()), now)
        for revision, schedule in schedules.items()
    }


def _saving(
    schedule: Schedule,
    calendar: Calendar,
    book: PriceBook,
    followers: Iterable[tuple[Key, str, int]],
    now: datetime,
) -> Saving:
    begin, end = month_of(now, schedule.tz)
    each = hours(Duty(schedule, calendar), begin, end)
    off = _decimal(each.stopped)
    counts: Counter[Key] = Counter()
    observed = 0
    for key, automation, number in followers:
        if automation == Automation.ON:
            counts[key] += number
        else:
            observed += number
    lines = [_line(key, number, off * number, book, now) for key, number in sorted(counts.items())]
    sums: dict[str, Decimal] = {}
    for line in lines:
        if line.price is not None and line.amount is not None:
            sums[line.price.currency] = sums.get(line.price.currency, Decimal(0)) + line.amount
    used = [line.price for line in lines if line.price is not None]
    return Saving(
        month=begin.date(),
        each=each,
        resources=sum(counts.values()),
        hours=off * sum(counts.values()),
        amounts=sorted(sums.items()),
        lines=lines,
        missing=[(line.kind, line.region, line.type) for line in lines if line.price is None and line.type],
        untyped=sum(line.count for line in lines if not line.type),
        observed=observed,
        sources=sorted({price.source for price in used}),
        oldest=min((price.as_of for price in used), default=None),
        stale=any(line.stale for line in lines),
    )


def _decimal(span: timedelta) -> Decimal:
    """Whole minutes as hours."""
    return Decimal(span // timedelta(minutes=1)) / 60


def _line(key: Key, count: int, off: Decimal, book: PriceBook, now: datetime) -> Line:
    price = book.find(*key) if key[2] else None
    amount = off * price.per_hour if price is not None else None
    return Line(*key, count, off, price, amount, price is not None and is_stale(price.as_of, now))


def rounded(amount: Decimal, currency: str) -> str:
    """An amount as it is said: whole yen and won, others to the cent, thousands set off."""
    places = Decimal(1) if currency in ("JPY", "KRW") else Decimal("0.01")
    return f"{amount.quantize(places, ROUND_HALF_UP):,f}"
