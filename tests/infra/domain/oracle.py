"""A second schedule engine that knows no rules about instants: it watches a wall clock go by, minute by minute.

It shares no code with the engine: begins and ends are the minutes at which the local clock reaches or jumps over a time
for the first time, and days are matched by counting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
BEFORE = 2 * 24 * 60  # minutes watched before the first one that is asked about
AFTER = 1  # and after the last: whether a gap is one shows only in the minute after it


@dataclass(frozen=True)
class Hours:
    """One period: minutes after midnight (1440 is 24:00), and days as sets that count."""

    begin: int | None
    end: int | None
    weekdays: frozenset[int] | None = None
    nth: frozenset[tuple[int, int]] = frozenset()
    last: frozenset[int] = frozenset()
    monthdays: frozenset[int] | None = None
    last_day: bool = False
    nearest: frozenset[int] = frozenset()
    months: frozenset[int] | None = None
    stops_daily: bool = False

    @property
    def one_sided(self) -> bool:
        return (self.begin is None) != (self.end is None)

    @property
    def to_midnight(self) -> bool:
        """It ends with the date, by its own wish."""
        return self.end == 1440 or (self.begin is None and self.end is None)

    def is_for(self, day: date) -> bool:
        return self._month(day) and self._weekday(day) and self._monthday(day)

    def _month(self, day: date) -> bool:
        return self.months is None or day.month in self.months

    def _weekday(self, day: date) -> bool:
        if self.weekdays is None:
            return True
        same = [one for one in _month_of(day) if one.weekday() == day.weekday()]
        nth, is_last = same.index(day) + 1, same[-1] == day
        return (
            day.weekday() in self.weekdays
            or (day.weekday(), nth) in self.nth
            or (is_last and day.weekday() in self.last)
        )

    def _monthday(self, day: date) -> bool:
        if self.monthdays is None:
            return True
        month = _month_of(day)
        worked = [one for one in month if one.weekday() < 5]
        near = {
            min(worked, key=lambda one: abs(one.day - wanted))
            for wanted in self.nearest
            if wanted <= len(month)
        }
        return day.day in self.monthdays or (self.last_day and day == month[-1]) or day in near


@dataclass(frozen=True)
class Case:
    """Some days from `begin` on; windows are (first minute, minute after the last, wish, rank, whether it is no skip)."""

    begin: datetime
    minutes: int
    zone: str
    periods: tuple[Hours, ...]
    holidays: frozenset[date] = frozenset()
    windows: tuple[tuple[int, int, str, int, bool], ...] = ()
    names: Mapping[date, str] = field(default_factory=dict, compare=False)


@cache
def _month_of(day: date) -> list[date]:
    first = day.replace(day=1)
    days = [first + timedelta(days=number) for number in range(31)]
    return [one for one in days if one.month == first.month]


@cache
def wall_clock(begin: datetime, minutes: int, zone: str) -> list[tuple[int, int, date]]:
    """Every time a wall clock reaches or jumps over, once: in which minute, minutes after midnight, date."""
    tz = ZoneInfo(zone)
    ticks: list[tuple[int, int, date]] = []
    reached = (begin - (BEFORE + 1) * MINUTE).astimezone(tz).replace(tzinfo=None)
    for minute in range(-BEFORE, minutes):
        wall = (begin + minute * MINUTE).astimezone(tz).replace(tzinfo=None)
        while reached < wall:
            reached += MINUTE
            ticks.append((minute, reached.hour * 60 + reached.minute, reached.date()))
    return ticks


@dataclass
class Watch:
    """What somebody who watches the wall clock writes down, minute by minute, from BEFORE minutes before the case to AFTER it.

    running: which periods run. moods: what is wanted where none does. ends: periods whose own end came in this minute, with
    whether it counts although nothing ran. past: the one-sided periods that want stopped when a date ends.
    """

    running: list[frozenset[int]] = field(default_factory=list)
    moods: list[str] = field(default_factory=list)
    ends: list[set[tuple[int, bool]]] = field(default_factory=list)
    past: list[frozenset[int]] = field(default_factory=list)


@dataclass
class _Clock:
    """The state of the watching: what runs because of which date, and which end-only periods are past their end today."""

    case: Case
    active: set[tuple[int, date]] = field(default_factory=set)
    stopping: set[int] = field(default_factory=set)
    past: frozenset[int] = frozenset()
    closed: bool = False

    def tick(self, clock: int, day: date) -> set[tuple[int, bool]]:
        """The wall clock reaches or jumps over a time of a date; which periods end by themselves."""
        yesterday, ended = day - timedelta(days=1), set[tuple[int, bool]]()
        if clock == 0:
            for number, one in enumerate(self.case.periods):
                if one.begin is None and one.end == 1440 and one.is_for(yesterday):
                    self.stopping.add(number)
            self.past = frozenset(self.stopping)
            self.stopping.clear()
            self.closed = day in self.case.holidays
        for number, one in enumerate(self.case.periods):
            if one.begin is not None and one.begin == one.end:
                continue
            self._begin_and_end(number, one, clock, day, yesterday, ended)
        return ended

    def _begin_and_end(
        self, number: int, one: Hours, clock: int, day: date, yesterday: date, ended: set[tuple[int, bool]]
    ) -> None:
        begin = 0 if one.begin is None and one.end is None else one.begin
        last_minute = one.end is None or one.end == 1440
        if clock == (0 if last_minute else one.end):
            late = last_minute or (begin is not None and one.end is not None and one.end < begin)
            of = yesterday if late else day
            ran = (number, of) in self.active
            self.active.discard((number, of))
            here, holiday = one.is_for(of), of in self.case.holidays
            anyway = one.end is not None and (
                (here and (holiday or begin is None)) or (not here and one.stops_daily)
            )
            if anyway or (ran and (one.end is not None or one.begin is None)):
                ended.add((number, anyway))
            if begin is None and not last_minute and here:
                self.stopping.add(number)
        if begin is not None and clock == begin and one.is_for(day) and day not in self.case.holidays:
            self.active.add((number, day))


def watch(case: Case) -> Watch:
    """Watch the wall clock all through the case."""
    seen, state = Watch(), _Clock(case)
    one_sided = {number for number, one in enumerate(case.periods) if one.one_sided}
    times = {0} | {
        one % 1440 for period in case.periods for one in (period.begin, period.end) if one is not None
    }
    ticks = iter(
        [one for one in wall_clock(case.begin, case.minutes + AFTER, case.zone) if one[1] in times]
        + [(case.minutes + AFTER, 0, date.max)]
    )
    coming = next(ticks)
    runs, mood, nothing = frozenset[int](), "any", set[tuple[int, bool]]()
    for minute in range(-BEFORE, case.minutes + AFTER):
        ended = nothing
        if coming[0] <= minute:
            ended = set()
            while coming[0] <= minute:
                ended |= state.tick(*coming[1:])
                coming = next(ticks)
            runs = frozenset(number for number, _ in state.active)
        mood = "stopped" if state.closed or one_sided <= state.stopping else "any"
        seen.running.append(runs)
        seen.moods.append(mood)
        seen.ends.append(ended)
        seen.past.append(state.past)
    _bridge(seen.running)
    return seen


def states(case: Case) -> list[str]:
    """The state wanted in each minute of the case."""
    seen = watch(case)
    found = ["running" if runs else mood for runs, mood in zip(seen.running, seen.moods, strict=True)]
    return _under_windows(case, found[BEFORE : BEFORE + case.minutes])


def acts(case: Case) -> set[tuple[int, str]]:
    """What is done in which minute, from the second one on."""
    seen = watch(case)
    level = ["running" if runs else mood for runs, mood in zip(seen.running, seen.moods, strict=True)][
        BEFORE:
    ]
    own = [_own(case, seen, BEFORE + minute) for minute in range(case.minutes)]
    return {(minute, what) for minute, what in _through_windows(case, own, level) if minute > 0}


def _own(case: Case, seen: Watch, at: int) -> str | None:
    """What the schedule by itself does in a minute."""
    if seen.running[at]:
        return None if seen.running[at - 1] else "running"
    if not seen.ends[at]:
        return None
    one_sided = {number for number, one in enumerate(case.periods) if one.one_sided}
    for number, anyway in seen.ends[at]:
        quiet = seen.moods[at] == "stopped" or (
            case.periods[number].to_midnight and one_sided <= seen.past[at]
        )
        if quiet and (anyway or number in seen.running[at - 1]):
            return "stopped"
    return None


def _through_windows(case: Case, own: list[str | None], level: list[str]) -> Iterator[tuple[int, str]]:
    """Follow the windows minute by minute: what waits for their end, and what they have brought about themselves."""
    able = _directions(case)
    before: int | None = None
    waiting: str | None = None
    driven: str | None = None
    for minute in range(case.minutes):
        here = _governing(case, minute)
        wish, wished = (case.windows[one][2] if one is not None else None for one in (here, before))
        if here is not None and here != before:
            if before is None:
                waiting = driven = None
            if wish != "any":
                driven = wish
                if case.windows[here][0] == minute or wish != wished:
                    yield minute, str(wish)
        if here is None and own[minute] is not None:
            yield minute, str(own[minute])
        elif here is None and before is not None:
            want = waiting if waiting is not None and level[minute] in ("any", waiting) else level[minute]
            if want != "any" and (
                want == waiting or (want in able and (waiting or driven not in (None, want)))
            ):
                yield minute, want
        elif here is not None and own[minute] is not None:
            if wish == own[minute]:
                yield minute, str(wish)
                waiting = None
            elif case.windows[here][4]:
                waiting = own[minute]
        before = here


def _governing(case: Case, minute: int) -> int | None:
    found = [
        (rank, since, number)
        for number, (since, until, _, rank, _) in enumerate(case.windows)
        if since <= minute < until
    ]
    return max(found)[2] if found else None


def _directions(case: Case) -> set[str]:
    able = set()
    for one in case.periods:
        if one.begin is None or one.begin != one.end:
            able |= {"running"} if one.begin is not None or one.end is None else set()
            able |= {"stopped"} if one.end is not None or one.begin is None else set()
    return able


def _bridge(running: list[frozenset[int]]) -> None:
    """One minute in which nothing runs, between two different periods, is no gap."""
    for minute in range(1, len(running) - 1):
        before, after = running[minute - 1], running[minute + 1]
        if before and after and not running[minute] and any(one != two for one in before for two in after):
            running[minute] = frozenset({-1})


def _under_windows(case: Case, found: list[str]) -> list[str]:
    for since, until, wish, *_ in sorted(case.windows, key=lambda one: (one[3], one[0])):
        for minute in range(max(since, 0), min(until, case.minutes)):
            found[minute] = wish
    return found
