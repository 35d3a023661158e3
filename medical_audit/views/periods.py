"""Months as pages name them: `?month=2026-11`, in the zone of the teams that Toban is made for."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict

from medical_audit.forms import text_of

ZONE = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True, slots=True)
class Month:
    """`first` is its first day, [since, until) its instants; `after` is None while it has not begun."""

    first: date
    since: datetime
    until: datetime
    before: date
    after: date | None


def month_of(query: QueryDict, now: datetime) -> Month:
    """The month asked for, else the present one; what is no month is the present one, too."""
    today = now.astimezone(ZONE).date()
    first = _first(text_of(query, "month"), today)
    after = (first + timedelta(days=32)).replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    return Month(first, midnight(first), midnight(after), before, after if after <= today else None)


def midnight(day: date) -> datetime:
    """The beginning of a day of the zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


def _first(text: str, today: date) -> date:
    try:
        first = date.fromisoformat(f"{text}-01") if text else today.replace(day=1)
    except ValueError:
        first = today.replace(day=1)
    return first if date(2000, 1, 1) <= first <= date(9000, 1, 1) else today.replace(day=1)
