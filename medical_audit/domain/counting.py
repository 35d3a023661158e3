"""Whether sign-ins and ends add up: the ledger's word against the list of sessions, with what does not fit named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from medical_audit.domain.seats import LIFETIME, SILENCE

#: No session can be open for longer, unless nobody sweeps.
LONGEST = LIFETIME + 5 * SILENCE


class Fault(StrEnum):
    NO_START = "no_start"
    NO_END = "no_end"
    ENDED_TWICE = "ended_twice"
    NO_ROW = "no_row"
    NO_EVENT = "no_event"
    OPEN_TOO_LONG = "open_too_long"
    OTHER_END = "other_end"


@dataclass(frozen=True, slots=True)
class Row:
    """One session in a tenant, as the list of sessions has it; `end` is "" while it is open."""

    session: str
    person: str
    entered_at: datetime
    end: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the ledger says of one session: `end` is "" for its beginning."""

    session: str
    person: str
    end: str


@dataclass(frozen=True, slots=True)
class Discrepancy:
    session: str
    person: str
    fault: Fault


def compare(
    rows: Iterable[Row], told: Sequence[Told], *, now: datetime, wait: timedelta = LONGEST
) -> list[Discrepancy]:
    """What does not add up, by session. `told` holds every beginning of these sessions and every end of them."""
    listed = {row.session: row for row in rows}
    begun = {one.session: one for one in told if not one.end}
    ends: dict[str, list[Told]] = {}
    for one in told:
        if one.end:
            ends.setdefault(one.session, []).append(one)
    names = sorted({*listed, *begun, *ends})
    return [found for name in names for found in _of(name, listed, begun, ends, now - wait)]


def _of(
    name: str,
    listed: Mapping[str, Row],
    begun: Mapping[str, Told],
    ends: Mapping[str, Sequence[Told]],
    oldest: datetime,
) -> list[Discrepancy]:
    row, start, ended = listed.get(name), begun.get(name), ends.get(name, ())
    person = row.person if row else start.person if start else ended[0].person
    faults = []
    if start is None:
        faults.append(Fault.NO_EVENT if row else Fault.NO_START)
    if row is None and start is not None:
        faults.append(Fault.NO_ROW)
    if len(ended) > 1:
        faults.append(Fault.ENDED_TWICE)
    if row and row.end and not ended:
        faults.append(Fault.NO_END)
    if row and ended and row.end != ended[-1].end:
        faults.append(Fault.OTHER_END)
    if row and not row.end and row.entered_at < oldest:
        faults.append(Fault.OPEN_TOO_LONG)
    return [Discrepancy(name, person, fault) for fault in faults]
