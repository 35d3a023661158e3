"""The calendar of the bound tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from infra.domain.calendar import FRIDAY, Calendar, ClosedRange, DayKind, national
from infra.domain.holiday_check import Difference, differences
from infra.domain.holiday_files import ListSource
from infra.models.calendar import Closure, CompanyDay, CompanyDayKind, HolidayFeed, HolidayList, ListState
from medical_audit.domain.states import State
from medical_audit.models import Operation

TOKYO = ZoneInfo("Asia/Tokyo")
#: People are told so long before the list of holidays ends.
WARN_BEFORE = timedelta(days=60)
#: A feed that has given nothing for so long is told of; until then the next day's try may mend it.
FAILING_FOR = timedelta(days=7)


def library_at(now: datetime) -> Calendar:
    """The shipped default: from last year to two years ahead; cached by year."""
    return national(range(now.year - 1, now.year + 3))


def calendar_of(now: datetime) -> Calendar:
    """The adopted list of national holidays, or the shipped one, and what the company itself has decided.

    Years for which the adopted list does not speak come from the shipped one.
    """
    return _as_decided(library_at(now))


class TenantDays:
    """The bound tenant's days off, for the floor below."""

    def days_off(self, first: date, last: date) -> Mapping[date, str]:
        """As medical_audit.domain.working_days says."""
        calendar = _as_decided(national(range(first.year, last.year + 1)))
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return {day: name for day in days if (name := _off(calendar.day(day))) is not None}


def _off(kind: DayKind) -> str | None:
    """The name of a day off, "" for a weekend; None for a working day."""
    if kind.closed is not None:
        return str(kind.closed.values()["name"])
    return "" if kind.like > FRIDAY else None


def _as_decided(shipped: Calendar) -> Calendar:
    adopted: HolidayList | None = HolidayList.objects.filter(state=ListState.ADOPTED).first()
    days = dict(shipped.holidays)
    if adopted is not None:
        own = days_of_list(adopted)
        years = {day.year for day in own}
        days = {day: name for day, name in days.items() if day.year not in years} | own
    ranges = tuple(ClosedRange(row.first, row.last, row.name) for row in Closure.objects.order_by("first"))
    single = list(CompanyDay.objects.all())
    return Calendar(
        days if adopted is not None else shipped.holidays,
        None if adopted is not None else shipped.coverage,
        ranges,
        {row.day: row.name for row in single if row.kind == CompanyDayKind.CLOSED},
        {row.day: row.name for row in single if row.kind == CompanyDayKind.EXTRA},
    )


def company_differences(before: Calendar, after: Calendar) -> list[dict[str, Any]]:
    """What differs in the days that the company itself decides, as codes with values, for words; what goes, first."""
    kinds = (("closure", _closures), ("closed", _closed), ("extra", _extra))
    gone = [
        {"code": f"{kind}_removed", **dict(one)}
        for kind, days in kinds
        for one in sorted(days(before) - days(after))
    ]
    come = [
        {"code": f"{kind}_added", **dict(one)}
        for kind, days in kinds
        for one in sorted(days(after) - days(before))
    ]
    return gone + come


def company_changes_of(operation_id: str) -> list[dict[str, Any]]:
    """The changes of company days that wait under this operation's id; none where none wait. Needs the tenant bound."""
    try:
        key = UUID(operation_id)
    except ValueError:
        return []
    kinds = ("calendar.change", "calendar.set")
    found: Operation | None = Operation.objects.filter(id=key, kind__in=kinds, state=State.ENTERED).first()
    return list(found.parameters["changes"]) if found else []


Facts = frozenset[tuple[tuple[str, str], ...]]


def _closures(calendar: Calendar) -> Facts:
    return frozenset(
        (("first", one.first), ("last", one.last), ("name", one.name)) for one in calendar.ranges
    )


def _closed(calendar: Calendar) -> Facts:
    return frozenset((("day", day.isoformat()), ("name", name)) for day, name in calendar.closed.items())


def _extra(calendar: Calendar) -> Facts:
    return frozenset((("day", day.isoformat()), ("name", name)) for day, name in calendar.extra.items())


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far the list of holidays in force reaches; `warn`: it ends soon; `source`: which list it is."""

    until: date
    warn: bool
    source: ListSource


def coverage_of(now: datetime) -> Coverage:
    """Of the adopted list, else of the shipped one. Needs the tenant bound."""
    adopted: HolidayList | None = HolidayList.objects.filter(state=ListState.ADOPTED).first()
    last, source = date(library_at(now).coverage[1].year, 12, 31), ListSource.LIBRARY  # type: ignore[index]
    if adopted is not None:
        last, source = date(max(days_of_list(adopted)).year, 12, 31), ListSource(adopted.source)
    return Coverage(last, last - now.astimezone(TOKYO).date() <= WARN_BEFORE, source)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the lists that a person should see to. code: ends_soon, list_waits, feed_fails."""

    code: str
    source: ListSource
    until: date | None = None
    since: datetime | None = None


def calendar_notices(now: datetime) -> list[Notice]:
    """What is wrong with the lists of national holidays, the most pressing first. Needs the tenant bound."""
    coverage = coverage_of(now)
    found = [Notice("ends_soon", coverage.source, until=coverage.until)] if coverage.warn else []
    found += [
        Notice("list_waits", ListSource(row.source), since=row.received_at)
        for row in HolidayList.objects.filter(state=ListState.QUARANTINED).order_by("received_at")
    ]
    for feed in HolidayFeed.objects.exclude(problem="").order_by("source"):
        good = feed.succeeded_at or feed.changed_at
        if now - good > FAILING_FOR:
            found.append(Notice("feed_fails", ListSource(feed.source), since=good))
    return found


@dataclass(frozen=True, slots=True)
class Checked:
    """The newest list of each source side by side: where they do not say the same, and what holds there."""

    sources: tuple[ListSource, ...]
    lists: tuple[HolidayList | None, ...]
    rows: tuple[tuple[Difference, str], ...]


def checked_lists(now: datetime) -> Checked:
    """Hold the shipped list and the newest readable one of each source against each other, from this year on.

    Each row has what is in force on that date, "" for no holiday. Needs the tenant bound.
    """
    rows = HolidayList.objects.exclude(digest="").exclude(state=ListState.REFUSED).order_by("-received_at")
    newest = {source: rows.filter(source=source).first() for source in (ListSource.CABINET, ListSource.ICAL)}
    given = {source: row for source, row in newest.items() if row is not None}
    days = [dict(library_at(now).holidays), *(days_of_list(row) for row in given.values())]
    since = now.astimezone(TOKYO).date().replace(month=1, day=1)
    holds = calendar_of(now).holidays
    return Checked(
        (ListSource.LIBRARY, *given),
        (None, *given.values()),
        tuple((one, holds.get(one.day, "")) for one in differences(days, since=since)),
    )


def days_of_list(row: HolidayList) -> dict[date, str]:
    return {date.fromisoformat(day): name for day, name in row.days.items()}
