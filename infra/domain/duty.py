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
from itertools import takewhile

from infra.domain.calendar import Calendar
from infra.domain.reasons import Reason, ReasonCode, because
from infra.domain.schedule import Action, Options, Schedule, State, Unreadable
from infra.domain.timeline import Edge, Timeline

MISSED_KEPT = 31
_MOMENT = timedelta(microseconds=1)
_ACTION_TO = {State.RUNNING: Action.START, State.STOPPED: Action.STOP}
_STATE_OF = {action: state for state, action in _ACTION_TO.items()}


class Rank(IntEnum):
    """Which of several windows governs: a freeze, which two people confirmed, before what one person asked for; of those,
    what speaks of the resource itself before what speaks of its project."""

    MAINTENANCE = 10
    PROJECT = 20
    RESOURCE = 30
    FREEZE = 40


@dataclass(frozen=True, slots=True)
class Window:
    """Something that holds instead of the schedule, `since <= t < until` (UTC). A wish ANY leaves alone.

    resumes: what the schedule asks for meanwhile is done at the end; otherwise it is left out (a skip).
    """

    since: datetime
    until: datetime
    wish: State
    rank: int
    reason: Reason
    id: str = ""
    resumes: bool = True


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

    cause: why it is due. window: id of the window that asks for it or suppresses it; what the schedule asks for, also where
    it had to wait for the end of a window, names none.
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
    ahead = any(one.until > at for one in duty.windows)
    if not ahead and isinstance(duty.schedule, Schedule) and not duty.schedule.one_sided:
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


def objection(duty: Duty, action: Action, due_at: datetime, at: datetime) -> tuple[State, Reason] | None:
    """Say what is wanted instead of an action that fell due earlier, and why; None while it still makes sense.

    What is wanted now decides. Where the schedule leaves the resource as it is, its last word since then counts: a stop
    at 23:59 is still done after midnight, one that was planned otherwise meanwhile is not.
    """
    due_at, at = _utc(due_at), _utc(at)
    state, reason = wanted(duty, at)
    if state is _STATE_OF[action]:
        return None
    if state is State.ANY and duty.excluded is None and governing(duty, at) is None:
        acting = [one for one in occurrences(duty, due_at - _MOMENT, at) if one.suppressed is None]
        if acting and acting[-1].action is action and not acting[-1].window:
            return None
    return state, reason


def turned(before: Duty, after: Duty, at: datetime) -> Occurrence | None:
    """What a change of the rules asks for at its own instant: once, where another state is wanted than until then, or where
    the wanted state is held from now on (enforced).

    Not while a window governs, which speaks for itself; nor a stop of what retain_running may have to leave on.
    """
    at = _utc(at)
    if after.excluded is not None or governing(before, at) is not None or governing(after, at) is not None:
        return None
    (was, _), (state, _) = wanted(before, at), wanted(after, at)
    held = after.options.enforced and not before.options.enforced
    action = _ACTION_TO.get(state)
    if action is None or (state is was and not held) or not isinstance(after.schedule, Schedule):
        return None
    kept = action is Action.STOP and after.options.retain_running
    if kept or action not in after.schedule.directions:
        return None
    return Occurrence(at, action, None, because(ReasonCode.RULES_CHANGED))


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
        # Where a window begins or ends just when the schedule speaks, and both say the same, once is enough.
        if last is None or last.suppressed is not None or (one.at, one.action) != (last.at, last.action):
            yield one
        last = one


def _under_windows(duty: Duty, one: Occurrence) -> Occurrence:
    """An edge of the schedule while a window governs: done where it is what the window wants, too."""
    window = governing(duty, one.at)
    if window is None or one.suppressed is not None or window.wish is _STATE_OF[one.action]:
        return one
    return Occurrence(one.at, one.action, window.reason, one.cause, window.id)


def _turns(duty: Duty, after: datetime) -> Iterator[Occurrence]:
    """Yield what has to be done where another window begins to govern, or none does any longer."""
    for at in _bounds(duty):
        before, now = governing(duty, at - _MOMENT), governing(duty, at)
        if at <= after or before is now:
            continue
        found = _begun(at, before, now) if now is not None else _resumed(duty, at)
        if found is not None:
            yield found


def _bounds(duty: Duty) -> list[datetime]:
    return sorted({bound for one in duty.windows for bound in (one.since, one.until)})


def _begun(at: datetime, before: Window | None, now: Window) -> Occurrence | None:
    """What a window asks for when it begins, whatever was wanted before: reality may differ from that. One that held
    already under another one asks only for what the other one did not want."""
    action = _ACTION_TO.get(now.wish)
    if action is None or (now.since < at and before is not None and before.wish is now.wish):
        return None
    return Occurrence(at, action, None, now.reason, now.id)


def _resumed(duty: Duty, at: datetime) -> Occurrence | None:
    """What the schedule asks for where no window governs any longer.

    The last thing that it asked for meanwhile, and nobody did; if there is none, what the windows changed is undone.
    """
    timeline = duty.timeline
    if timeline is None:
        return None
    waiting, driven = _meanwhile(duty, timeline, at)
    state, reason = _by_schedule(duty, at)
    if waiting is not None and waiting.at == at:
        return None
    if waiting is not None and state in (State.ANY, _STATE_OF[waiting.action]):
        return Occurrence(at, waiting.action, None, waiting.reason)
    action = _ACTION_TO.get(state)
    undone = waiting is not None or driven not in (None, state)
    if action is None or not undone or action not in timeline.schedule.directions:
        return None
    return Occurrence(at, action, None, reason)


def _meanwhile(duty: Duty, timeline: Timeline, at: datetime) -> tuple[Edge | None, State | None]:
    """What the schedule asked for last and was not done, and what was brought about last, while windows governed
    without a break up to an instant."""
    bounds = [one for one in _bounds(duty) if one < at]
    first = len(bounds)
    while first and governing(duty, bounds[first - 1]) is not None:
        first -= 1
    since = bounds[first]
    edges = [
        one
        for one in takewhile(
            lambda edge: edge.at <= at, timeline.edges(since - _MOMENT, (at - since).days + 2)
        )
        if one.suppressed is None
    ]
    waiting, driven = None, None
    begins = [(bound, governing(duty, bound), None) for bound in bounds[first:]]
    asked = [(edge.at, governing(duty, edge.at), edge) for edge in edges]
    for _, window, edge in sorted([*begins, *asked], key=lambda one: (one[0], one[2] is not None)):
        if window is not None and window.wish is not State.ANY:
            driven = window.wish
        if edge is None:
            continue
        if window is not None and window.wish is _STATE_OF[edge.action]:
            waiting = None
        elif window is None or window.resumes:
            waiting = edge
    return waiting, driven


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
