"""The page of rights: what is unused, the rounds that are open, and what earlier ones came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import CharField, Count, QuerySet
from django.db.models.functions import Cast

from accounts.domain.recertifying import Decision
from accounts.models import Recertification, RecertificationItem
from accounts.queries.unused import Held, held_rights
from medical_audit.domain.actor import Actor
from medical_audit.domain.reports import Cell, Column, Made
from medical_audit.domain.states import FINAL, State
from medical_audit.models import Operation
from medical_audit.queries.report_rows import ZONE

ROUNDS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Item:
    """`held`: how the right is used, None where it is gone; `own`: one's own, which somebody else decides; `again`: it was to be
    taken, and its operation came to nothing."""

    row: RecertificationItem
    held: Held | None
    own: bool
    again: bool


@dataclass(frozen=True, slots=True)
class Round:
    """`month`: in which its report stands ("2026-10")."""

    row: Recertification
    month: str
    counts: Mapping[str, int]
    late: bool


@dataclass(frozen=True, slots=True)
class OpenRound:
    """One that is not closed: what waits in it, what is unused first, and what is decided."""

    round: Round
    waiting: Sequence[Item]
    decided: Sequence[Item]


@dataclass(frozen=True, slots=True)
class RightsPage:
    """`open`: every round that is open, the oldest first; `rounds`: the newest, closed or not."""

    unused: Sequence[Held]
    total: int
    open: Sequence[OpenRound]
    rounds: Sequence[Round]

    @property
    def current(self) -> Round | None:
        """The round that is to be finished next."""
        return self.open[0].round if self.open else None

    @property
    def open_items(self) -> list[Item]:
        return [item for one in self.open for item in one.waiting]

    @property
    def decided(self) -> list[Item]:
        return [item for one in self.open for item in one.decided]


def turned_down() -> QuerySet[RecertificationItem]:
    """What was to be taken by an operation that came to nothing, in rounds that are open. Needs the tenant bound."""
    failed = Operation.objects.filter(state__in=[*(FINAL - {State.SUCCEEDED})])
    failed = failed.annotate(key=Cast("id", CharField())).values("key")
    rows: QuerySet[RecertificationItem] = RecertificationItem.objects.filter(
        decision=Decision.TAKE, recertification__closed_at__isnull=True, operation__in=failed
    )
    return rows


def rights_page(*, actor: Actor, now: datetime) -> RightsPage:
    """Raises NotPermitted. Needs the tenant bound."""
    held = held_rights(actor=actor, now=now)
    by_right = {(one.user.id, one.role): one for one in held}
    rounds = [_round(row, now) for row in Recertification.objects.order_by("-begun_at")[:ROUNDS_SHOWN]]
    again = set(turned_down().values_list("id", flat=True))
    found: list[OpenRound] = []
    for one in Recertification.objects.filter(closed_at__isnull=True).order_by("begun_at"):
        rows = RecertificationItem.objects.filter(recertification=one).select_related(
            "user", "recertification"
        )
        items = [
            Item(row, by_right.get((row.user_id, row.role)), str(row.user_id) == actor.id, row.id in again)
            for row in rows.order_by("user__name", "user_id", "role")
        ]
        waiting = [item for item in items if item.row.decision == Decision.OPEN or item.again]
        decided = [item for item in items if item.row.decision != Decision.OPEN and not item.again]
        unused_first = sorted(waiting, key=lambda item: not (item.held and item.held.unused))
        found.append(OpenRound(_round(one, now), unused_first, decided))
    return RightsPage([one for one in held if one.unused], len(held), found, rounds)


def report_rows(since: datetime, until: datetime, actor: Actor, now: datetime) -> Made:
    """Every right of the rounds that began in the period, and what was decided on it, by whom and why."""
    rounds = {one.id: one for one in Recertification.objects.filter(begun_at__gte=since, begun_at__lt=until)}
    again = set(turned_down().values_list("id", flat=True))
    items = RecertificationItem.objects.filter(recertification__in=rounds).select_related("user")
    rows: list[list[Cell]] = []
    totals = Counter[str](rounds=len(rounds), rights=0, keep=0, take=0, gone=0, undecided=0)
    for one in items.order_by("recertification__begun_at", "user__name", "user_id", "role"):
        is_open = one.decision == Decision.OPEN or one.id in again
        totals.update({"rights": 1, "undecided" if is_open else one.decision: 1})
        rows.append(
            [rounds[one.recertification_id].name, one.user.name, one.user.username, [one.role], one.granted_at,
             str(Decision.OPEN if is_open else one.decision), "" if is_open else one.decided_by_name,
             None if is_open else one.decided_at, "" if is_open else one.reason]
        )  # fmt: skip
    columns = (
        Column("round"), Column("person"), Column("username"), Column("right", "roles"), Column("granted", "moment"),
        Column("decision", "decision"), Column("by"), Column("at", "moment"), Column("reason"),
    )  # fmt: skip
    return columns, rows, dict(totals)


def _round(row: Recertification, now: datetime) -> Round:
    rows = RecertificationItem.objects.filter(recertification=row).values("decision").annotate(n=Count("id"))
    counts = {one["decision"]: one["n"] for one in rows}
    month = row.begun_at.astimezone(ZONE).strftime("%Y-%m")
    return Round(
        row, month, counts | {"all": sum(counts.values())}, row.closed_at is None and now > row.due_at
    )
