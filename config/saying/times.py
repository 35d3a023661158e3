"""Times as people in the office say them, always with their zone; values may be datetimes or ISO 8601 texts."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.utils import dates
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

ZONE: Final = ZoneInfo("Asia/Tokyo")
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def instant_of(value: object) -> datetime | None:
    """Read an aware datetime or its ISO 8601 text; anything else is None and shows as a dash."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None


def _day_text(day: date, *, year: bool = False) -> str:
    weekday = str(dates.WEEKDAYS_ABBR[day.weekday()])
    if get_language() == "ja":
        head = f"{day.year}/{day.month}/{day.day}" if year else f"{day.month}/{day.day}"
        return f"{head} ({weekday})"
    tail = f" {day.year}" if year else ""
    return f"{weekday} {day.day} {str(dates.MONTHS_3[day.month]).capitalize()}{tail}"


def day(value: object) -> str:
    """A date, or the local date of an instant: "11/30 (月)", in English "Mon 30 Nov"."""
    if isinstance(value, str) and len(value) == len("2026-11-30"):
        value = date.fromisoformat(value)
    if isinstance(value, (datetime, str)):
        instant = instant_of(value)
        return "—" if instant is None else _day_text(instant.astimezone(ZONE).date())
    return _day_text(value) if isinstance(value, date) else "—"


def day_long(value: object) -> str:
    """A date or its ISO 8601 text, or the local date of an instant, with its year: "2026/11/30 (月)"."""
    if isinstance(value, str) and len(value) == len("2026-11-30"):
        value = date.fromisoformat(value)
    if isinstance(value, datetime):
        return _day_text(value.astimezone(ZONE).date(), year=True)
    return _day_text(value, year=True) if isinstance(value, date) else "—"


def iso_day(value: object) -> str:
    """The local date of an instant as addresses and date fields write it: "2026-11-30"; empty for what is none."""
    instant = instant_of(value)
    return "" if instant is None else instant.astimezone(ZONE).date().isoformat()


def weekly(value: object) -> str:
    """A weekly window as AWS writes it in UTC ("wed:06:38-wed:07:08"), local: "毎週水曜 15:38〜16:08 JST"; anything else as it is."""
    found = re.fullmatch(r"(\w{3}):(\d\d):(\d\d)-\w{3}:(\d\d):(\d\d)", str(value))
    if found is None or found[1] not in _WEEKDAYS:
        return str(value)
    day, *hours = found.groups()
    monday = date(2024, 1, 1) + timedelta(days=_WEEKDAYS.index(day))
    begin, end = (
        datetime(monday.year, monday.month, monday.day, int(hour), int(minute), tzinfo=UTC).astimezone(ZONE)
        for hour, minute in (hours[:2], hours[2:])
    )
    return _("every %(weekday)s, %(begin)s to %(end)s %(zone)s") % {
        "weekday": dates.WEEKDAYS_ABBR[begin.weekday()], "begin": f"{begin:%H:%M}", "end": f"{end:%H:%M}", "zone": begin.tzname(),
    }  # fmt: skip


def month_name(value: object) -> str:
    """A month by any of its dates: "2026年11月", in English "November 2026"."""
    if not isinstance(value, date):
        return "—"
    name = str(dates.MONTHS[value.month])
    return f"{value.year}年{name}" if get_language() == "ja" else f"{name} {value.year}"


def jst(value: object) -> str:
    """An instant as people in the office say it: "11/30 (月) 08:30 JST", in English "Mon 30 Nov 08:30 JST"."""
    if (instant := instant_of(value)) is None:
        return "—"
    local = instant.astimezone(ZONE)
    return f"{_day_text(local.date())} {local:%H:%M} {local.tzname()}"


def jst_exact(value: object) -> str:
    """The same with year and seconds, for the ledger and for tooltips."""
    if (instant := instant_of(value)) is None:
        return "—"
    local = instant.astimezone(ZONE)
    return f"{_day_text(local.date(), year=True)} {local:%H:%M:%S} {local.tzname()}"


def jst_short(value: object) -> str:
    """The same without the zone, for a column whose heading names it."""
    if (instant := instant_of(value)) is None:
        return "—"
    local = instant.astimezone(ZONE)
    return f"{_day_text(local.date())} {local:%H:%M}"


def clock(value: object) -> str:
    """Only the time of day, "08:30"; the column or the heading names the zone."""
    instant = instant_of(value)
    return "—" if instant is None else f"{instant.astimezone(ZONE):%H:%M}"


def clock_exact(value: object) -> str:
    """The time of day with seconds, "08:30:05"."""
    instant = instant_of(value)
    return "—" if instant is None else f"{instant.astimezone(ZONE):%H:%M:%S}"


def utc(value: object) -> str:
    """The instant in UTC, ISO 8601 to the second."""
    instant = instant_of(value)
    return "" if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(value: object) -> str:
    """A timedelta or a number of seconds in words, at most two units: "1 hour 20 minutes"."""
    if isinstance(value, int | float):
        value = timedelta(seconds=value)
    if not isinstance(value, timedelta):
        return "—"
    seconds = int(abs(value.total_seconds()))
    if seconds < 60:
        return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    parts = []
    if days:
        parts.append(ngettext("%(n)d day", "%(n)d days", days) % {"n": days})
    if hours:
        parts.append(ngettext("%(n)d hour", "%(n)d hours", hours) % {"n": hours})
    if minutes and not days:
        parts.append(ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes})
    return " ".join(parts)


def relative(instant: datetime, now: datetime) -> str:
    away = instant - now
    if abs(away) < timedelta(seconds=1):
        return _("now")
    return (_("in %(span)s") if away > timedelta(0) else _("%(span)s ago")) % {"span": duration(away)}


def number(value: object) -> object:
    """A whole number with its thousands set off."""
    return f"{value:,}" if isinstance(value, int) else value


STYLES: Final[Mapping[str, Callable[[object], str]]] = {
    "jst": jst,
    "short": jst_short,
    "exact": jst_exact,
    "clock": clock,
    "clock_exact": clock_exact,
    "day": day,
}
