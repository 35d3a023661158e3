"""Read lists of national holidays from files that are hostile until proven, and judge whether to believe them.

Sources: the Cabinet Office's syukujitsu.csv (CP932; https://www8.cao.go.jp/chosei/shukujitsu/gaiyou.html) and iCalendar
files (RFC 5545). Nothing recurring is ever expanded.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from infra.domain.findings import shown

BYTES_MAX, LINES_MAX, DAYS_MAX = 5_000_000, 50_000, 5_000
#: Japan has had at least fifteen national holidays a year since 2007.
LEAST_A_YEAR = 15
_HEADER = "国民の祝日・休日月日"
_CSV_DATE = re.compile(r"([12][0-9]{3})/([0-9]{1,2})/([0-9]{1,2})", re.ASCII)
_ICAL_DATE = re.compile(r"([12][0-9]{3})([01][0-9])([0-3][0-9])", re.ASCII)
_NATIONAL = "祝日"
#: How a file begins that was packed: gzip, zip, bzip2, xz, zstd. Nothing is ever unpacked.
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
_REPEATING = ("RRULE", "RDATE", "EXRULE", "EXDATE", "RECURRENCE-ID")


class ListSource(StrEnum):
    """Where a list of national holidays comes from."""

    LIBRARY = "library"
    CABINET = "cabinet"
    ICAL = "ical"


class BadList(ValueError):
    """The file is no list of national holidays; `code` says why, `detail` where."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a list may be taken over by itself. `code` is "" for yes; the days that a person should look at."""

    code: str
    added: tuple[date, ...] = ()
    removed: tuple[date, ...] = ()


def read_list(data: bytes, source: ListSource) -> dict[date, str]:
    """Read a file of one of the two sources. Raises BadList."""
    if len(data) > BYTES_MAX:
        raise BadList("too_large", str(len(data)))
    if not data.strip():
        raise BadList("empty")
    if data.startswith(_PACKED):
        raise BadList("compressed")
    if data.lstrip()[:1] == b"<":
        raise BadList("html")
    days = _read_cabinet(data) if source is ListSource.CABINET else _read_ical(data)
    if not days:
        raise BadList("no_days")
    return days


def judge(
    days: Mapping[date, str], *, trusted: Mapping[date, str], library: Mapping[date, str], today: date
) -> Judgement:
    """Compare a new list with the one in force (`trusted`) and with the shipped one, from this year on.

    Raises BadList where a covered year has too few days. What takes a known day away, adds one that the shipped list does
    not know, or speaks of years after all that the shipped list speaks of, is for a person to decide. Years of which the
    new list says nothing come from the shipped one (infra.queries.calendars), and are judged as such.
    """
    per_year = Counter(day.year for day in days)
    for year in range(max(min(per_year), 2007), max(per_year) + 1):
        if per_year[year] < LEAST_A_YEAR:
            raise BadList("too_few", f"{year}: {per_year[year]}")
    if max(per_year) < today.year:
        raise BadList("too_old", str(max(per_year)))
    known = {day.year for day in library}
    unknown = tuple(sorted(day for day in days if day.year > max(known, default=today.year)))
    after = {day for day in library if day.year not in per_year} | set(days)
    before = {day for day in trusted if day.year >= today.year}
    removed = tuple(sorted(before - after))
    added = tuple(
        sorted(day for day in days if day.year >= today.year and day.year in known and day not in library)
    )
    if unknown:
        return Judgement("unknown_years", added + unknown, removed)
    if removed:
        return Judgement("removes_days", added, removed)
    if added:
        return Judgement("differs", added, ())
    return Judgement("")


def _read_cabinet(data: bytes) -> dict[date, str]:
    try:
        text = data.decode("cp932")
    except UnicodeDecodeError as bad:
        raise BadList("encoding", f"byte {bad.start}") from bad
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > LINES_MAX:
        raise BadList("too_large", f"{len(lines)} lines")
    if not lines[0].startswith(_HEADER):
        raise BadList("header", shown(lines[0]))
    days: dict[date, str] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = line.split(",")
        found = _CSV_DATE.fullmatch(cells[0].strip())
        if found is None or len(cells) != 2 or not cells[1].strip():
            raise BadList("line", f"{number}: {shown(line)}")
        _keep(days, _date(found, number), cells[1])
    return days


def _read_ical(data: bytes) -> dict[date, str]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise BadList("encoding", f"byte {bad.start}") from bad
    lines = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "").split("\n")
    if len(lines) > LINES_MAX:
        raise BadList("too_large", f"{len(lines)} lines")
    if lines[0].strip().upper() != "BEGIN:VCALENDAR":
        raise BadList("header", shown(lines[0]))
    return _days_of_events(lines)


def _days_of_events(lines: list[str]) -> dict[date, str]:
    """The days of all events directly inside the one calendar; what else stands in it is passed over."""
    days: dict[date, str] = {}
    inside: list[str] = []
    event: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        name, _, value = line.partition(":")
        field, part = name.split(";")[0].upper(), value.strip().upper()
        if not inside and number > 1 and line.strip():
            raise BadList("line", f"{number}: {shown(line)}")
        if field == "BEGIN":
            if part == "VEVENT":
                if inside != ["VCALENDAR"]:
                    raise BadList("line", f"{number}: {shown(line)}")
                event = {}
            inside.append(part)
        elif field == "END":
            if not inside or inside.pop() != part:
                raise BadList("line", f"{number}: {shown(line)}")
            if part == "VEVENT":
                _keep_event(days, event, number)
        elif inside == ["VCALENDAR"] and field == "METHOD" and part != "PUBLISH":
            raise BadList("takes_back", f"{number}: {shown(line)}")
        elif inside == ["VCALENDAR", "VEVENT"]:
            event.setdefault(field, value.strip())
    if inside:
        raise BadList("cut_off", inside[-1][:20])
    return days


def _keep_event(days: dict[date, str], event: Mapping[str, str], number: int) -> None:
    """Keep the day of one event, unless it was cancelled."""
    name = event.get("SUMMARY", "").replace("\\,", ",").replace("\\;", ";")
    if any(one in event for one in _REPEATING):
        raise BadList("recurrence", f"{number}: {shown(name)}")
    if event.get("STATUS", "").upper() == "CANCELLED":
        return
    if not event.get("DESCRIPTION", _NATIONAL).startswith(_NATIONAL):
        raise BadList("not_national", shown(name))
    found = _ICAL_DATE.fullmatch(event.get("DTSTART", ""))
    if found is None:
        raise BadList("not_all_day", f"{number}: {shown(event.get('DTSTART', ''))}")
    day = _date(found, number)
    if not _one_day(day, event, number):
        raise BadList("not_all_day", f"{number}: {shown(name)}")
    _keep(days, day, name)


def _one_day(day: date, event: Mapping[str, str], number: int) -> bool:
    """An event of a date without an end lasts that day (RFC 5545, 3.6.1)."""
    if "DURATION" in event:
        return event["DURATION"].upper() == "P1D" and "DTEND" not in event
    if "DTEND" not in event:
        return True
    end = _ICAL_DATE.fullmatch(event["DTEND"])
    return end is not None and _date(end, number) - day == timedelta(days=1)


def _keep(days: dict[date, str], day: date, name: str) -> None:
    if len(days) >= DAYS_MAX:
        raise BadList("too_large", f"{DAYS_MAX} days")
    days[day] = shown(name.strip()) or _NATIONAL


def _date(found: re.Match[str], number: int) -> date:
    try:
        return datetime(int(found[1]), int(found[2]), int(found[3])).date()  # noqa: DTZ001  a date, in no zone
    except ValueError as bad:
        raise BadList("line", f"{number}: {found[0]}") from bad
