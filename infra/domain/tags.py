"""Read what a resource's own tags ask of the clock: times, the name of a schedule, or never to touch it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.domain.days import DayRule
from infra.domain.findings import Finding, FindingCode, shown
from infra.domain.schedule import Period, Schedule, Unreadable
from infra.domain.times import BadTime, ClockTime, UnknownZone, parse_clock

AUTO_START, AUTO_STOP, SCHEDULE, TOBAN = "AutoStart", "AutoStop", "Schedule", "Toban"
NEVER = "never"
#: What a role that is narrowed to managed resources asks for (infra.domain.onboarding); it says nothing of times.
MANAGED = "managed"
OUR_TAGS = (AUTO_START, AUTO_STOP, SCHEDULE, TOBAN)
MONDAY_TO_FRIDAY: frozenset[int] = frozenset(range(5))
#: Only tags of ours that nobody else uses are guarded against misspelling; "schedule" in small letters may be anybody's.
_BY_LETTERS = {name.lower(): name for name in (AUTO_START, AUTO_STOP)}


@dataclass(frozen=True, slots=True)
class Never:
    """Toban=never: the clock leaves the resource alone, whatever else says otherwise."""


@dataclass(frozen=True, slots=True)
class ByName:
    """Schedule=<name>."""

    name: str


TagWish = Never | ByName | Schedule


def read_tags(
    tags: Mapping[str, str], zone: str = "Asia/Tokyo", weekdays: frozenset[int] = MONDAY_TO_FRIDAY
) -> TagWish | Unreadable | None:
    """Read our tags; None when there is none. `Toban` goes before `Schedule`, that before AutoStart and AutoStop.

    zone, weekdays (0 is Monday): of the account, for AutoStart and AutoStop. Any finding means no action at all: with
    one tag readable and one not, nobody knows what was wanted.
    """
    if (guard := tags.get(TOBAN, MANAGED)) != MANAGED:
        if guard == NEVER:
            return Never()
        return Unreadable((Finding(FindingCode.TOBAN_VALUE, TOBAN, shown(guard), NEVER),))
    if (name := tags.get(SCHEDULE)) is not None:
        if not name.strip():
            return Unreadable((Finding(FindingCode.EMPTY, SCHEDULE, shown(name)),))
        return ByName(name)
    return _read_times(tags, zone, weekdays)


def hands_off(tags: Mapping[str, str]) -> str:
    """Why something is not to be touched by what it says itself (a code), or ""; a value that is not known is no leave."""
    guard = tags.get(TOBAN, MANAGED)
    return "" if guard == MANAGED else "never_touch" if guard == NEVER else "toban_value"


def _read_times(tags: Mapping[str, str], zone: str, weekdays: frozenset[int]) -> Schedule | Unreadable | None:
    findings: list[Finding] = []
    clocks: dict[str, ClockTime] = {}
    for tag in (AUTO_START, AUTO_STOP):
        if (text := tags.get(tag)) is None:
            continue
        clock = parse_clock(text, end=tag == AUTO_STOP)
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
        return times_schedule(start, stop, weekdays=weekdays, zone=zone)
    except UnknownZone:
        return Unreadable((Finding(FindingCode.UNKNOWN_ZONE, "", shown(zone)),))


def times_schedule(
    start: ClockTime | None,
    stop: ClockTime | None,
    *,
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY,
    zone: str = "Asia/Tokyo",
) -> Schedule:
    """The schedule that AutoStart and AutoStop stand for: it starts on these weekdays (0 is Monday) and stops every day.

    Neither time, equal times or an odd weekday is a ValueError, an unknown zone an UnknownZone.
    """
    if start == stop or not weekdays <= frozenset(range(7)):
        raise ValueError("a start or a stop that differ, and weekdays from 0 to 6, are needed")
    days = DayRule(weekdays=weekdays) if start is not None else DayRule()
    both = start is not None and stop is not None
    return Schedule(zone, (Period(start, stop, days, stop_every_day=both),))


def _misspelt(tags: Mapping[str, str]) -> list[Finding]:
    """Find keys that differ from ours only by case, width, spaces or punctuation."""
    found = []
    for key in sorted(tags):
        if key in (AUTO_START, AUTO_STOP):
            continue
        letters = "".join(c for c in unicodedata.normalize("NFKC", key).casefold() if c.isalnum())
        if (meant := _BY_LETTERS.get(letters)) is not None:
            found.append(Finding(FindingCode.TAG_NAME, shown(key), shown(tags[key]), meant))
    return found


def _without_contradictory_advice(
    findings: list[Finding], clocks: Mapping[str, ClockTime]
) -> Iterator[Finding]:
    """Drop a suggested time that would make start and stop equal."""
    advice = [f.suggestion for f in findings if f.code is not FindingCode.TAG_NAME]
    times = advice + [str(clock) for clock in clocks.values()]
    for finding in findings:
        if finding.code is not FindingCode.TAG_NAME and times.count(finding.suggestion) > 1:
            yield Finding(finding.code, finding.tag, finding.value)
        else:
            yield finding
