"""How long a schedule wants what: stretches of one state after another, and their sums. Pure; drawn by the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from infra.domain.duty import Duty, next_change, wanted
from infra.domain.schedule import State

_NONE = timedelta(0)


class Stretch(NamedTuple):
    """One state is wanted, `begin <= t < end` (UTC)."""

    begin: datetime
    end: datetime
    state: State


@dataclass(frozen=True, slots=True)
class Hours:
    """Sums of stretches. open: it is left as it is, so that nobody can say whether it runs."""

    running: timedelta = _NONE
    stopped: timedelta = _NONE
    open: timedelta = _NONE

    @property
    def all(self) -> timedelta:
        return self.running + self.stopped + self.open


def stretches(duty: Duty, since: datetime, until: datetime) -> Iterator[Stretch]:
    """Yield what is wanted from one aware instant to another, without gaps; nothing where until is not later."""
    at, until = since.astimezone(UTC), until.astimezone(UTC)
    state = wanted(duty, at)[0]
    while at < until:
        change = next_change(duty, at)
        end = min(change.at, until) if change is not None else until
        yield Stretch(at, end, state)
        if change is None:
            return
        at, state = end, change.state


def hours(duty: Duty, since: datetime, until: datetime) -> Hours:
    """Sum what is wanted between two aware instants."""
    sums = dict.fromkeys(State, _NONE)
    for one in stretches(duty, since, until):
        sums[one.state] += one.end - one.begin
    return Hours(sums[State.RUNNING], sums[State.STOPPED], sums[State.ANY])
