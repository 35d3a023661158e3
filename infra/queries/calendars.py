"""The calendar of the bound tenant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from infra.domain.calendar import Calendar, ClosedRange, national
from infra.models.calendar import Closure, CompanyDay, CompanyDayKind, HolidayList, ListState

TOKYO = ZoneInfo("Asia/Tokyo")
#: People are told so long before the list of holidays ends.
WARN_BEFORE = timedelta(days=60)


def library_at(now: datetime) -> Calendar:
    """The shipped default: from last year to two years ahead; cached by year."""
    return national(range(now.year - 1, now.year + 3))


def calendar_of(now: datetime) -> Calendar:
    """The adopted list of national holidays, or the shipped one, and what the company itself has decided.

    Years for which the adopted list does not speak come from the shipped one.
    """
    shipped = library_at(now)
    adopted: HolidayList | None = HolidayList.objects.filter(state=ListState.ADOPTED).first()
    days = dict(shipped.holidays)
    if adopted is not None:
        own = {date.fromisoformat(day): name for day, name in adopted.days.items()}
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


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far the list of holidays in force reaches; `warn`: it ends soon."""

    until: date
    warn: bool


def coverage_of(now: datetime) -> Coverage:
    """Of the adopted list, else of the shipped one. Needs the tenant bound."""
    adopted: HolidayList | None = HolidayList.objects.filter(state=ListState.ADOPTED).first()
    last = date(national(range(now.year, now.year + 3)).coverage[1].year, 12, 31)  # type: ignore[index]
    if adopted is not None:
        last = date(max(date.fromisoformat(day).year for day in adopted.days), 12, 31)
    return Coverage(last, last - now.astimezone(TOKYO).date() < WARN_BEFORE)
