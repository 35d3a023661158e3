"""Volumes that serve nothing: what is to be done with one, how long it may be left alone, and since when it costs. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction

#: So many volumes are decided on at once.
BATCH_MAX = 50
SNOOZE_MAX_DAYS = 365
#: Nobody has missed it for so long that a snapshot of it is enough.
LONG = timedelta(days=90)


class Advice(StrEnum):
    """delete: a snapshot is enough; ask: somebody may still want it; keep: it says that it must stay."""

    DELETE = "delete"
    ASK = "ask"
    KEEP = "keep"


def advice(unattached: timedelta, refusal: str) -> Advice:
    """What to do, before anybody has looked."""
    if refusal in ("never_touch", "toban_value"):
        return Advice.KEEP
    return Advice.DELETE if unattached >= LONG else Advice.ASK


@dataclass(frozen=True, slots=True)
class Span:
    """[begin, end) of something. Lengths are those that pass: between two instants of one zone Python would count its clock's hours,
    which a change of the clock makes one more or less."""

    begin: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end.astimezone(UTC) - self.begin.astimezone(UTC)

    def within(self, other: Span) -> timedelta:
        """How much of it lies in the other one."""
        begin, end = max(self.begin, other.begin), min(self.end, other.end)
        return max(end.astimezone(UTC) - begin.astimezone(UTC), timedelta(0))


def unattached(exists: Span, served: Iterable[Span], at_least: timedelta) -> list[Span]:
    """When a volume served nothing, as far as it lasted long enough to call it left over; `served` in any order."""
    found, begin = [], exists.begin
    for one in sorted(served, key=lambda span: span.begin):
        if one.begin > begin:
            found.append(Span(begin, min(one.begin, exists.end)))
        begin = max(begin, one.end)
    if begin < exists.end:
        found.append(Span(begin, exists.end))
    return [one for one in found if one.length >= at_least]


def share_of(month: Span, spans: Iterable[Span]) -> Fraction:
    """Which part of a month they take up."""
    whole = sum((one.within(month) for one in spans), timedelta(0))
    return Fraction(whole // timedelta(seconds=1), month.length // timedelta(seconds=1))
