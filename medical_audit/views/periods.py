"""Months as pages name them: `?month=2026-11`, in the zone of the teams that Toban is made for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict

from medical_audit.forms import text_of
from medical_audit.forms.filters import OF_MONTH, Unread, day_of, unread

ZONE = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True, slots=True)
class Month:
    """`first` is its first day, [since, until) its instants; `after` is None while it has not begun."""

    first: date
    since: datetime
    until: datetime
    before: date
    after: date | None
    unread: Sequence[Unread] = ()


def month_of(query: QueryDict, now: datetime) -> Month:
    """The month asked for, else the present one; what is no month is the present one, too, and `unread` says so."""
    today = now.astimezone(ZONE).date()
    first = day_of(f"{text_of(query, 'month')}-01") or today.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    later = after if after <= today else None
    return Month(first, midnight(first), midnight(after), before, later, unread(query, OF_MONTH))


def midnight(day: date) -> datetime:
    """The beginning of a day of the zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)
