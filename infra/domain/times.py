"""Read times of day strictly, and find the instant at which a local clock shows one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from infra.domain.findings import FindingCode, shown

# re.ASCII and fullmatch matter: \d and $ would let in other scripts' digits and a line end.
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_END_OF_DAY = "24:00"
_LOOSE = re.compile(r"T?([0-9]{1,2})(?::([0-9]{1,2})(?::([0-9]{2}))?)?|([0-9]{2})([0-9]{2})", re.ASCII)
_ZONED = re.compile(
    r"T?[0-9]{1,2}:?[0-9]{2}(?::[0-9]{2})? ?(?:Z|JST|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})", re.ASCII
)
_LONGEST = 32


class UnknownZone(ValueError):
    """The name is not a time zone of the IANA database."""


@dataclass(frozen=True, slots=True, order=True)
class ClockTime:
    """A time of day, 00:00 to 23:59, or 24:00 as an end, in no zone; `str()` gives HH:MM."""

    hour: int
    minute: int

    def __post_init__(self) -> None:
        if not ((0 <= self.hour <= 23 and 0 <= self.minute <= 59) or (self.hour, self.minute) == (24, 0)):
            raise ValueError(f"no clock shows {self.hour}:{self.minute}")

    def __str__(self) -> str:
        return f"{self.hour:02}:{self.minute:02}"


MIDNIGHT, END_OF_DAY = ClockTime(0, 0), ClockTime(24, 0)


@dataclass(frozen=True, slots=True)
class BadTime:
    """A text that is not HH:MM.

    text: as found, made safe to show and store. suggestion: the HH:MM it can only have meant, else None;
    it is for a person to accept, never to act on.
    """

    text: str
    code: FindingCode
    suggestion: str | None = None


def parse_clock(text: str, *, end: bool = False) -> ClockTime | BadTime:
    """Accept exactly HH:MM in ASCII, 00:00 to 23:59, and 24:00 for an end; name the fault of anything else. Never raises."""
    if end and text == _END_OF_DAY:
        return END_OF_DAY
    if _CLOCK.fullmatch(text):
        return ClockTime(int(text[:2]), int(text[3:]))
    core = _trimmed(text)
    if len(core) > _LONGEST:
        return BadTime(shown(text), FindingCode.TOO_LONG)
    folded = _trimmed(unicodedata.normalize("NFKC", core))
    code, suggestion = _diagnosis(folded)
    if suggestion and code is not FindingCode.HOUR_24 and not core.isascii():
        code = FindingCode.FULL_WIDTH
    return BadTime(shown(text), code, suggestion)


def _diagnosis(folded: str) -> tuple[FindingCode, str | None]:
    """Name the fault of a text in half-width characters and without its surroundings."""
    if not folded:
        return FindingCode.EMPTY, None
    if _CLOCK.fullmatch(folded):
        return FindingCode.SURROUNDED, folded
    loose = _LOOSE.fullmatch(folded)
    if loose is None:
        return (FindingCode.HAS_ZONE if _ZONED.fullmatch(folded) else FindingCode.NOT_A_TIME), None
    hour, minute, second = loose[1] or loose[4], loose[2] or loose[5] or "00", loose[3] or "00"
    if (int(hour), int(minute), int(second)) == (24, 0, 0):
        return FindingCode.HOUR_24, "00:00"
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        return FindingCode.OUT_OF_RANGE, None
    # 9:5 may be five past nine or ten to ten, and seconds cannot be kept: no safe correction.
    safe = len(minute) == 2 and int(second) == 0
    return FindingCode.NOT_HH_MM, f"{int(hour):02}:{minute}" if safe else None


def _trimmed(text: str) -> str:
    """Take away spaces and characters without a glyph (controls, direction marks) at both ends."""
    first, last = 0, len(text)
    while first < last and _invisible(text[first]):
        first += 1
    while last > first and _invisible(text[last - 1]):
        last -= 1
    return text[first:last]


def _invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def load_zone(name: str) -> ZoneInfo:
    """Give the zone of an IANA name such as "Asia/Tokyo"; raises UnknownZone, also for what differs from machine to machine
    ("localtime")."""
    if name not in _zones():
        raise UnknownZone(shown(name))
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})


@lru_cache(maxsize=1 << 16)
def instant(day: date, clock: ClockTime, zone: ZoneInfo) -> datetime:
    """Give the UTC instant at which the clocks of a zone first show a time on a date.

    A time that is skipped when clocks go forward gives the first instant after the gap; one that comes
    twice when clocks go back gives the first of the two. Later local times never give earlier instants.
    24:00 is the first moment of the next date.
    """
    if clock == END_OF_DAY:
        day, clock = day + timedelta(days=1), MIDNIGHT
    wall = datetime.combine(day, time(clock.hour, clock.minute))
    at = wall.replace(tzinfo=zone).astimezone(UTC)
    return at if at.astimezone(zone).replace(tzinfo=None) == wall else _end_of_gap(wall, zone)


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Give the first instant (UTC) of a local date and that of the next one: 23, 24 or 25 hours apart.

    Differences of local times with the same zone would be those of the wall clock.
    """
    return instant(day, MIDNIGHT, zone), instant(day, END_OF_DAY, zone)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """Find, to the second, when the clocks jump over `wall` (zoneinfo does not tell its transitions)."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    old_offset = before.astimezone(zone).utcoffset()
    while (seconds := (after - before) // timedelta(seconds=1)) > 1:
        middle = before + timedelta(seconds=seconds // 2)
        if middle.astimezone(zone).utcoffset() == old_offset:
            before = middle
        else:
            after = middle
    return after
