"""The review of a period: which events are drawn, when it is due, how far it is. Pure.

The draw is fixed by the hash of the first seal after the period: nobody knows it before, nobody can change it after, and
anybody can draw again and must get the same events.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

Finding = TypeVar("Finding")


class Standing(StrEnum):
    """How far a review is. begun: it waits (`Awaited`). drawn: events are being looked at. waiting:
    reported, somebody else must sign. signed: done."""

    BEGUN = "begun"
    DRAWN = "drawn"
    WAITING = "waiting"
    SIGNED = "signed"


class Awaited(StrEnum):
    """What must come before events are drawn. seal: the one that fixes the draw. watch: the rules' look at all of the period, so that
    what they find is in the review."""

    SEAL = "seal"
    WATCH = "watch"


class Verdict(StrEnum):
    """What a reviewer says of one event."""

    OPEN = ""
    FINE = "fine"
    FINDING = "finding"


#: So many findings are looked at one by one; beyond that nobody reads with care.
DRAWN_MOST = 200


def draw(seed: bytes, label: str, population: int, wanted: int) -> list[int]:
    """Places (from 1) of `wanted` different ones of `population`, in order; all of them if there are no more.

    `label` keeps draws from the same seal apart: one a tenant, period and group.
    """
    if population <= wanted:
        return list(range(1, population + 1))
    found: set[int] = set()
    number = 0
    while len(found) < wanted:
        text = seed + f"\n{label}\n{number}".encode()
        found.add(int.from_bytes(hashlib.sha256(text).digest(), "big") % population + 1)
        number += 1
    return sorted(found)


def standing_for(found: Sequence[Finding], same: Callable[[Finding], object]) -> list[tuple[Finding, int]]:
    """Which of the findings are looked at, each with how many it stands for: all of them, or of too many the first of each kind
    (`same`). None is left out."""
    if len(found) <= DRAWN_MOST:
        return [(one, 1) for one in found]
    first: dict[object, Finding] = {}
    for one in found:
        first.setdefault(same(one), one)
    counts = Counter(same(one) for one in found)
    return [(one, counts[key]) for key, one in first.items()]


def due_at(until: datetime, days: int) -> datetime:
    """Until when a review of a period that ended at `until` must be signed."""
    return until + timedelta(days=days)


def month_name(first: date) -> str:
    """How a month's review is called in the ledger: 2026-11."""
    return f"{first:%Y-%m}"
