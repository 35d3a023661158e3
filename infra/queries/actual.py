"""How long resources really were off in a month so far, as far as Toban knows: a lower bound, never a guess.

Off is counted from a stop that was seen at AWS to the next start that was, and for what is off now since it was seen
off. What somebody starts in AWS's console between two looks ends a count where Toban next saw it running.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from infra.domain.power import Power
from infra.domain.prices import Key, billed_type
from infra.models import Resource
from infra.models.account import Automation
from infra.models.resource import ResourceKind
from infra.queries.prices import PriceBook
from medical_audit.domain.states import State
from medical_audit.models import Operation

#: More resources than this are not worked out while somebody waits for a page.
MOST = 500
#: A closure may begin in the month before.
LOOK_BACK = timedelta(days=12)
_KINDS = tuple(f"{kind}.{action}" for kind in ResourceKind for action in ("start", "stop"))


@dataclass(frozen=True, slots=True)
class Actual:
    """Hours off of all resources together from the month's beginning to now, and their amounts by currency."""

    hours: Decimal
    amounts: Sequence[tuple[str, Decimal]]
    resources: int


def actually_off(revision: UUID, book: PriceBook, *, begin: datetime, now: datetime) -> Actual | None:
    """What the followers of a published revision have been off; None where they are too many. Needs the tenant bound."""
    rows = list(
        Resource.objects.filter(
            gone_at__isnull=True, schedule_revision=revision, account__automation=Automation.ON
        ).only("id", "kind", "region", "type", "facts", "state", "state_since")[: MOST + 1]
    )
    if len(rows) > MOST:
        return None
    moves: dict[str, list[tuple[datetime, bool]]] = {}
    done = Operation.objects.filter(
        target_type="resource", target_id__in=[str(row.id) for row in rows], kind__in=_KINDS,
        state=State.SUCCEEDED, finished_at__gte=begin - LOOK_BACK,
    )  # fmt: skip
    for target, kind, at in done.order_by("finished_at").values_list("target_id", "kind", "finished_at"):
        moves.setdefault(target, []).append((at, kind.endswith(".stop")))
    spans: Counter[Key] = Counter()
    for row in rows:
        off = sum(
            (
                _overlap(since, until, begin, now)
                for since, until in _off(row, moves.get(str(row.id), ()), now)
            ),
            timedelta(0),
        )
        spans[row.kind, row.region, billed_type(row.kind, row.type, row.facts)] += int(off.total_seconds())
    sums: dict[str, Decimal] = {}
    for key, seconds in spans.items():
        if price := book.find(*key):
            amount = Decimal(seconds) / 3600 * price.per_hour
            sums[price.currency] = sums.get(price.currency, Decimal(0)) + amount
    return Actual(Decimal(sum(spans.values())) / 3600, sorted(sums.items()), len(rows))


def _off(
    row: Resource, moves: Iterable[tuple[datetime, bool]], now: datetime
) -> Iterable[tuple[datetime, datetime]]:
    stopped: datetime | None = None
    for at, is_stop in moves:
        if not is_stop and stopped is not None:
            yield stopped, at
        stopped = at if is_stop else None
    if row.state == Power.STOPPED:
        yield row.state_since, now
    elif stopped is not None and row.state == Power.RUNNING and row.state_since > stopped:
        yield stopped, row.state_since


def _overlap(since: datetime, until: datetime, begin: datetime, end: datetime) -> timedelta:
    return max(timedelta(0), min(until, end) - max(since, begin))
