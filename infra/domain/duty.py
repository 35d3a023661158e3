"""What is wanted of one resource: its schedule, its calendar, and what stands above both for a while.

Pure. One stream of occurrences is the only source of times, so that what is shown, what is done and what is recorded
cannot differ. Precedence: excluded > windows by rank (override, freeze, maintenance) > closed day > schedule.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from heapq import merge

from infra.domain.calendar import Calendar
from infra.domain.reasons import Reason, ReasonCode, because
from infra.domain.schedule import Action, Options, Schedule, State, Unreadable
from infra.domain.timeline import Timeline

MISSED_KEPT = 31
_MOMENT = timedelta(microseconds=1)
_ACTION_TO = {State.RUNNING: Action.START, State.STOPPED: Action.STOP}
_STATE_OF = {action: state for state, action in _ACTION_TO.items()}


class Rank(IntEnum):
    """Which of several windows governs: what speaks of the resource itself goes before what speaks of more."""

    MAINTENANCE = 10
    TENANT = 20
    SCHEDULE = 30
    PROJECT = 40
    RESOURCE = 50


@dataclass(frozen=True, slots=True)
class Window:
    """Something that holds instead of the schedule, `since <= t < until` (UTC). A wish ANY leaves alone."""

    since: datetime
    until: datetime
    wish: State
    rank: int
    reason: Reason
    id: str = ""


@dataclass(frozen=True, slots=True)
class Duty:
    """Everything that decides about one resource."""

    schedule: Schedule | Unreadable | None
    calendar: Calendar = field(default_factory=Calendar)
    windows: tuple[Window, ...] = ()
    excluded: Reason | None = None

    @property
    def timeline(self) -> Timeline | None:
        return Timeline(self.schedule, self.calendar) if isinstance(self.schedule, Schedule) else None

    @property
    def options(self) -> Options:
        return self.schedule.options if isinstance(self.schedule, Schedule) else Options()

    def grace(self, action: Action) -> timedelta:
        """How late an action may still be done."""
        start = action is Action.START
        return timedelta(minutes=self.options.grace_start_min if start else self.options.grace_stop_min)


@dataclass(frozen=True, slots=True)
class Change:
    """An action and its instant (UTC)."""

    at: datetime
    action: Action


@dataclass(frozen=True, slots=True)
class StateChange:
    """The instant (UTC) at which another state is wanted."""

    at: datetime
    state: State


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wanted at an instant, why, when that changes, and what is done next."""

    state: State
    reason: Reason
    next_change: StateChange | None
    next_action: Change | None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An action that falls due (UTC); `suppressed` says why it is not done, so that the skip is recorded.

    cause: why it is due. window: id of the window that asks for it, or whose end brings the schedule back.
    """

    at: datetime
    action: Action
    suppressed: Reason | None = None
    cause: Reason | None = None
    window: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """What a tick has to do and to record.

    due: do it now. missed: never done, too late or overtaken by a later one, oldest first, at most
    MISSED_KEPT; missed_older counts those cut off. skipped: suppressed, oldest first. next: look again then.
    """

    due: Occurrence | None
    missed: tuple[Occurrence, ...]
    skipped: tuple[Occurrence, ...]
    next: Occurrence | None
    missed_older: int = 0


def wanted(duty: Duty, at: datetime) -> tuple[State, Reason]:
    """What is wanted at an instant, and why; a naive instant is a ValueError."""
    at = _utc(at)
    if duty.excluded is not None:
        return State.ANY, duty.excluded
    window = governing(duty, at)
    return (window.wish, window.reason) if window is not None else _by_schedule(duty, at)


def evaluate(duty: Duty, at: datetime) -> Verdict:
    """Say what is wanted at an instant, why, and what comes next; a naive instant is a ValueError."""
    at = _utc(at)
    state, reason = wanted(duty, at)
    if duty.excluded is not None:
        return Verdict(state, reason, None, None)
    action = next((one for one in _stream(duty, at) if one.suppressed is None), None)
    return Verdict(state, reason, next_change(duty, at), Change(action.at, action.action) if action else None)


def next_change(duty: Duty, at: datetime) -> StateChange | None:
    """When another state is wanted than at this instant; None where nothing changes any more."""
    at = _utc(at)
    if duty.excluded is not None:
        return None
    now, _ = wanted(duty, at)
    if not duty.windows and isinstance(duty.schedule, Schedule) and not duty.schedule.one_sided:
        turn = Timeline(duty.schedule, duty.calendar).next_turn(at, running=now is State.RUNNING)
        return StateChange(*turn) if turn else None
    bounds = sorted({x for one in duty.windows for x in (one.since, one.until) if x > at})
    timeline = duty.timeline
    for moment in merge(bounds, timeline.changes(at) if timeline is not None else ()):
        state, _ = wanted(duty, moment)
        if state is not now:
            return StateChange(moment, state)
    return None


def governing(duty: Duty, at: datetime) -> Window | None:
    """The window that holds at an instant: the highest rank, then the one that began last."""
    found = [one for one in duty.windows if one.since <= at < one.until]
    return max(found, key=lambda one: (one.rank, one.since, one.id), default=None)


def occurrences(duty: Duty, after: datetime, until: datetime) -> list[Occurrence]:
    """List what falls due after one instant up to and including another, oldest first."""
    after, until = _utc(after), _utc(until)
    found = []
    for one in _stream(duty, after, until):
        if one.at > until:
            break
        found.append(one)
    return found


def next_occurrence(duty: Duty, after: datetime) -> Occurrence | None:
    """Give the first that falls due after an instant, suppressed or not; None where none ever does."""
    return next(_stream(duty, _utc(after)), None)


def pending(duty: Duty, since: datetime, now: datetime) -> Pending:
    """Sort what fell due after `since` up to now; `since` is how far an earlier tick has settled it.

    Only the last action still makes sense, and only up to its grace (inclusive) after its instant. With `since`
    after now (a clock put back) nothing is due again, and the next one is counted from `since`.
    """
    since, now = _utc(since), _utc(now)
    passed = occurrences(duty, since, now)
    skipped = tuple(one for one in passed if one.suppressed is not None)
    acting = [one for one in passed if one.suppressed is None]
    due = acting.pop() if acting and now - acting[-1].at <= duty.grace(acting[-1].action) else None
    kept = tuple(deque(acting, maxlen=MISSED_KEPT))
    following = next_occurrence(duty, max(since, now))
    return Pending(due, kept, skipped, following, len(acting) - len(kept))


def _stream(duty: Duty, after: datetime, until: datetime | None = None) -> Iterator[Occurrence]:
    """Yield what falls due after an instant, in order: the schedule's edges, and where a window begins or ends."""
    if duty.excluded is not None:
        return
    turns = _turns(duty, after)
    timeline = duty.timeline
    edges: Iterator[Occurrence] = iter(())
    if timeline is not None:
        days = None if until is None else max(0, (until - after).days) + 2
        found = timeline.edges(after, days)
        edges = (
            _under_windows(duty, Occurrence(one.at, one.action, one.suppressed, one.reason)) for one in found
        )
    last: Occurrence | None = None
    for one in merge(edges, turns, key=lambda one: one.at):
        # Where a window ends just when the schedule speaks, both say the same: once is enough.
        if last is None or (one.at, one.action) != (last.at, last.action):
            yield one
        last = one


def _under_windows(duty: Duty, one: Occurrence) -> Occurrence:
    """An edge of the schedule while a window governs: done where it is what the window wants, too."""
    window = governing(duty, one.at)
    if window is None or one.suppressed is not None or window.wish is _STATE_OF[one.action]:
        return one
    return Occurrence(one.at, one.action, window.reason, one.cause, window.id)


def _turns(duty: Duty, after: datetime) -> list[Occurrence]:
    """What has to be done where another window begins to govern, or none does any longer."""
    found = []
    for at in sorted({x for one in duty.windows for x in (one.since, one.until) if x > after}):
        before, now = governing(duty, at - _MOMENT), governing(duty, at)
        if before is now:
            continue
        was = before.wish if before is not None else _by_schedule(duty, at - _MOMENT)[0]
        state, reason = (now.wish, now.reason) if now is not None else _by_schedule(duty, at)
        action = _ACTION_TO.get(state)
        if action is None or state is was:
            continue
        if now is None and not (isinstance(duty.schedule, Schedule) and action in duty.schedule.directions):
            continue
        found.append(Occurrence(at, action, None, reason, (now or before or duty.windows[0]).id))
    return found


def _by_schedule(duty: Duty, at: datetime) -> tuple[State, Reason]:
    if duty.schedule is None:
        return State.ANY, because(ReasonCode.NOT_SCHEDULED)
    if isinstance(duty.schedule, Unreadable):
        return State.ANY, because(ReasonCode.UNREADABLE, findings=len(duty.schedule.findings))
    return Timeline(duty.schedule, duty.calendar).state_at(at)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return at.astimezone(UTC)
