"""Decide when a resource should be on: tags in; state, reason and due actions out.

Pure: no clock, no database. All instants are aware; those given back are UTC. One stream of occurrences
is the only source of times, so that what is shown, what is done and what is recorded cannot differ.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from zoneinfo import ZoneInfo

from infra.domain.calendar import MONDAY_TO_FRIDAY, Calendar
from infra.domain.findings import Finding, FindingCode, shown
from infra.domain.reasons import Reason, ReasonCode, because
from infra.domain.times import BadTime, ClockTime, UnknownZone, instant, load_zone, parse_clock

AUTO_START = "AutoStart"
AUTO_STOP = "AutoStop"
HORIZON_DAYS = 400  # a closure longer than this has no next start
MISSED_KEPT = 31
_DAY = timedelta(days=1)
_MIDNIGHT = ClockTime(0, 0)
_TAG_BY_LETTERS = {AUTO_START.lower(): AUTO_START, AUTO_STOP.lower(): AUTO_STOP}


class Action(StrEnum):
    """What a schedule does to a resource."""

    START = "start"
    STOP = "stop"


class State(StrEnum):
    """What a schedule wants of a resource; ANY leaves it as it is."""

    RUNNING = "running"
    STOPPED = "stopped"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class TagSchedule:
    """A start, a stop or both, on local time.

    weekdays: those on which it starts, 0 is Monday; a stop is done every day. zone: IANA name. A stop that
    is not after the start belongs to the next day. Neither time, equal times or an odd weekday is a
    ValueError, an unknown zone an UnknownZone.
    """

    start: ClockTime | None
    stop: ClockTime | None
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    zone: str = "Asia/Tokyo"

    def __post_init__(self) -> None:
        if self.start == self.stop:
            raise ValueError("a schedule needs a start or a stop, and they must differ")
        if not self.weekdays <= frozenset(range(7)):
            raise ValueError(f"weekdays are 0 to 6, got {sorted(self.weekdays)}")
        load_zone(self.zone)

    @property
    def tz(self) -> ZoneInfo:
        """The zone itself."""
        return load_zone(self.zone)

    @property
    def clocks(self) -> dict[Action, ClockTime]:
        """The times that there are, by action."""
        pairs = ((Action.START, self.start), (Action.STOP, self.stop))
        return {action: clock for action, clock in pairs if clock is not None}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Tags that must not be acted on, and what is wrong with each."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """An action and its instant (UTC)."""

    at: datetime
    action: Action


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a schedule wants at an instant, and why.

    next_change: when the wanted state changes next. next_action: what is done next; it comes earlier where
    a stop is due on a day that has no start, for a resource that somebody started by hand.
    """

    state: State
    reason: Reason
    next_change: Change | None
    next_action: Change | None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An action that falls due (UTC); `suppressed` says why it is not done, so that the skip is recorded."""

    at: datetime
    action: Action
    suppressed: Reason | None = None


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


def read_tags(
    tags: Mapping[str, str], zone: str = "Asia/Tokyo", weekdays: frozenset[int] = MONDAY_TO_FRIDAY
) -> TagSchedule | Unreadable | None:
    """Read AutoStart and AutoStop; None when neither is there.

    Any finding means no action at all: with one tag readable and one not, nobody knows what was wanted.
    """
    findings: list[Finding] = []
    clocks: dict[str, ClockTime] = {}
    for tag in (AUTO_START, AUTO_STOP):
        if (text := tags.get(tag)) is None:
            continue
        clock = parse_clock(text)
        if isinstance(clock, BadTime):
            findings.append(Finding(clock.code, tag, clock.text, clock.suggestion))
        else:
            clocks[tag] = clock
    findings += _misspelt(tags)
    if findings:
        return Unreadable(tuple(_without_contradictory_advice(findings, clocks)))
    start, stop = clocks.get(AUTO_START), clocks.get(AUTO_STOP)
    if start is None and stop is None:
        return None
    if start == stop:
        return Unreadable((Finding(FindingCode.SAME_TIME, AUTO_STOP, str(stop)),))
    try:
        return TagSchedule(start, stop, weekdays, zone)
    except UnknownZone:
        return Unreadable((Finding(FindingCode.UNKNOWN_ZONE, "", shown(zone)),))


def _misspelt(tags: Mapping[str, str]) -> list[Finding]:
    """Find keys that differ from ours only by case, width, spaces or punctuation."""
    found = []
    for key in sorted(tags):
        if key in (AUTO_START, AUTO_STOP):
            continue
        letters = "".join(c for c in unicodedata.normalize("NFKC", key).casefold() if c.isalnum())
        if (meant := _TAG_BY_LETTERS.get(letters)) is not None:
            found.append(Finding(FindingCode.TAG_NAME, shown(key), shown(tags[key]), meant))
    return found


def _without_contradictory_advice(
    findings: list[Finding], clocks: Mapping[str, ClockTime]
) -> Iterator[Finding]:
    """Drop a suggested time that would make start and stop equal (00:00 to 24:00 is such a pair)."""
    advice = [f.suggestion for f in findings if f.code is not FindingCode.TAG_NAME]
    times = advice + [str(clock) for clock in clocks.values()]
    for finding in findings:
        if finding.code is not FindingCode.TAG_NAME and times.count(finding.suggestion) > 1:
            yield Finding(finding.code, finding.tag, finding.value)
        else:
            yield finding


def evaluate(schedule: TagSchedule | Unreadable | None, at: datetime, calendar: Calendar) -> Verdict:
    """Say what is wanted at an instant, why, and what comes next; a naive instant is a ValueError."""
    at = _utc(at)
    if schedule is None:
        return Verdict(State.ANY, because(ReasonCode.NOT_SCHEDULED), None, None)
    if isinstance(schedule, Unreadable):
        return Verdict(State.ANY, because(ReasonCode.UNREADABLE, findings=len(schedule.findings)), None, None)
    wanted = {(True, True): _both, (True, False): _start_only, (False, True): _stop_only}
    state, reason = wanted[schedule.start is not None, schedule.stop is not None](schedule, at, calendar)
    return Verdict(state, reason, *_next_two(schedule, state, at, calendar))


def _both(schedule: TagSchedule, at: datetime, calendar: Calendar) -> tuple[State, Reason]:
    tz, start, stop = schedule.tz, schedule.clocks[Action.START], schedule.clocks[Action.STOP]
    overnight = stop < start
    today = at.astimezone(tz).date()
    # The day after, too: clocks that go back over midnight show yesterday's date once more.
    for day in (today, today - _DAY, today + _DAY):
        end = instant(day + _DAY if overnight else day, stop, tz)
        if instant(day, start, tz) <= at < end and calendar.day(day, schedule.weekdays).working:
            return State.RUNNING, because(ReasonCode.WITHIN, day=day, start=str(start), stop=str(stop))
    if overnight and at < instant(today, stop, tz):
        night = calendar.day(today - _DAY, schedule.weekdays)
        if not night.working:
            return State.STOPPED, night.reason
    kind = calendar.day(today, schedule.weekdays)
    if not kind.working:
        return State.STOPPED, kind.reason
    if at < instant(today, start, tz):
        return State.STOPPED, because(ReasonCode.BEFORE_START, day=today, start=str(start))
    return State.STOPPED, because(ReasonCode.AFTER_STOP, day=today, stop=str(stop))


def _start_only(schedule: TagSchedule, at: datetime, calendar: Calendar) -> tuple[State, Reason]:
    start = schedule.clocks[Action.START]
    today = at.astimezone(schedule.tz).date()
    kind = calendar.day(today, schedule.weekdays)
    if not kind.working:
        return State.ANY, kind.reason
    fired = at >= instant(today, start, schedule.tz)
    code = ReasonCode.START_ONLY_FIRED if fired else ReasonCode.START_ONLY_WAITING
    return State.ANY, because(code, day=today, start=str(start))


def _stop_only(schedule: TagSchedule, at: datetime, _calendar: Calendar) -> tuple[State, Reason]:
    tz, stop = schedule.tz, schedule.clocks[Action.STOP]
    today = at.astimezone(tz).date()
    for day in (today, today - _DAY, today + _DAY):
        if instant(day, stop, tz) <= at < instant(day + _DAY, _MIDNIGHT, tz):
            return State.STOPPED, because(ReasonCode.STOP_ONLY_FIRED, day=day, stop=str(stop))
    return State.ANY, because(ReasonCode.STOP_ONLY_WAITING, day=today, stop=str(stop))


def _next_two(
    schedule: TagSchedule, state: State, at: datetime, calendar: Calendar
) -> tuple[Change | None, Change | None]:
    """Find the next change of the wanted state, and the next action."""
    wanted = None
    if len(schedule.clocks) == 2:
        wanted = Action.STOP if state is State.RUNNING else Action.START
    action = None
    for occurrence in _after(schedule, calendar, at):
        if occurrence.suppressed is None:
            change = Change(occurrence.at, occurrence.action)
            action = action or change
            if wanted in (None, occurrence.action):
                return change, action
    return None, action


def occurrences(
    schedule: TagSchedule | Unreadable | None, calendar: Calendar, after: datetime, until: datetime
) -> list[Occurrence]:
    """List what falls due after one instant up to and including another, oldest first."""
    if not isinstance(schedule, TagSchedule):
        return []
    after, until = _utc(after), _utc(until)
    last = until.astimezone(schedule.tz).date() + _DAY
    days = (last - after.astimezone(schedule.tz).date()).days + 1
    return [o for o in _after(schedule, calendar, after, days=days) if o.at <= until]


def next_occurrence(
    schedule: TagSchedule | Unreadable | None, calendar: Calendar, after: datetime
) -> Occurrence | None:
    """Give the first that falls due after an instant, suppressed or not; None within HORIZON_DAYS is None."""
    if not isinstance(schedule, TagSchedule):
        return None
    return next(_after(schedule, calendar, _utc(after)), None)


def pending(
    schedule: TagSchedule | Unreadable | None,
    calendar: Calendar,
    since: datetime,
    now: datetime,
    grace: timedelta,
) -> Pending:
    """Sort what fell due after `since` up to now; `since` is how far an earlier tick has settled it.

    Only the last action still makes sense, and only up to `grace` (inclusive) after its instant. With `since`
    after now (a clock put back) nothing is due again, and the next one is counted from `since`.
    """
    since, now = _utc(since), _utc(now)
    passed = occurrences(schedule, calendar, since, now)
    skipped = tuple(o for o in passed if o.suppressed is not None)
    acting = [o for o in passed if o.suppressed is None]
    due = acting.pop() if acting and now - acting[-1].at <= grace else None
    kept = tuple(deque(acting, maxlen=MISSED_KEPT))
    following = next_occurrence(schedule, calendar, max(since, now))
    return Pending(due, kept, skipped, following, len(acting) - len(kept))


def _after(
    schedule: TagSchedule, calendar: Calendar, after: datetime, days: int = HORIZON_DAYS
) -> Iterator[Occurrence]:
    """Yield what falls due after an instant, day by day.

    Several actions at one instant arise where clocks jump over them: the last one holds, so that a window
    of no length starts nothing.
    """
    first = after.astimezone(schedule.tz).date() - _DAY
    for at, group in groupby(_daily(schedule, calendar, first, days + 1), key=lambda o: o.at):
        if at > after:
            together = list(group)
            last = next((o for o in reversed(together) if o.suppressed is None), None)
            yield from (o for o in together if o.suppressed is not None or o is last)


def _daily(schedule: TagSchedule, calendar: Calendar, first: date, days: int) -> Iterator[Occurrence]:
    """Yield every action of some days in the order of local time, which is the order of instants."""
    tz = schedule.tz
    planned = sorted((clock, action) for action, clock in schedule.clocks.items())
    for offset in range(days):
        day = first + timedelta(days=offset)
        kind = calendar.day(day, schedule.weekdays)
        for clock, action in planned:
            if action is Action.STOP or kind.working:
                yield Occurrence(instant(day, clock, tz), action)
            elif day.weekday() in schedule.weekdays:
                yield Occurrence(instant(day, clock, tz), action, kind.reason)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant needs its zone")
    return at.astimezone(UTC)
