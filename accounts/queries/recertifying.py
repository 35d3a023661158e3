"""The page of rights: what is unused, the round that is open, and what earlier ones came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from accounts.domain.recertifying import Decision
from accounts.models import Recertification, RecertificationItem
from accounts.queries.unused import Held, held_rights
from medical_audit.domain.actor import Actor

ROUNDS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Item:
    """`held`: how the right is used, None where it is gone; `own`: one's own, which somebody else decides."""

    row: RecertificationItem
    held: Held | None
    own: bool


@dataclass(frozen=True, slots=True)
class Round:
    row: Recertification
    counts: Mapping[str, int]
    late: bool


@dataclass(frozen=True, slots=True)
class RightsPage:
    """`open_items` of the round that is open, what is unused first; `decided` of it; `rounds`: all, newest first."""

    unused: Sequence[Held]
    total: int
    current: Round | None
    open_items: Sequence[Item]
    decided: Sequence[Item]
    rounds: Sequence[Round]


def rights_page(*, actor: Actor, now: datetime) -> RightsPage:
    """Raises NotPermitted. Needs the tenant bound."""
    held = held_rights(actor=actor, now=now)
    by_right = {(one.user.id, one.role): one for one in held}
    rounds = [_round(row, now) for row in Recertification.objects.order_by("-begun_at")[:ROUNDS_SHOWN]]
    current = next((one for one in rounds if one.row.closed_at is None), None)
    items: list[Item] = []
    if current is not None:
        rows = RecertificationItem.objects.filter(recertification=current.row).select_related("user")
        items = [
            Item(row, by_right.get((row.user_id, row.role)), str(row.user_id) == actor.id)
            for row in rows.order_by("user__name", "user_id", "role")
        ]
    waiting = [one for one in items if one.row.decision == Decision.OPEN]
    return RightsPage(
        [one for one in held if one.unused], len(held), current,
        sorted(waiting, key=lambda one: not (one.held and one.held.unused)),
        [one for one in items if one.row.decision != Decision.OPEN], rounds,
    )  # fmt: skip


def _round(row: Recertification, now: datetime) -> Round:
    rows = RecertificationItem.objects.filter(recertification=row).values("decision").annotate(n=Count("id"))
    counts = {one["decision"]: one["n"] for one in rows}
    return Round(row, counts | {"all": sum(counts.values())}, row.closed_at is None and now > row.due_at)
