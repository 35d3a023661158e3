"""Files of national holidays as they come from the world: right ones, and wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from infra.domain.calendar import national

JAPAN = dict(national(range(2025, 2028)).holidays)


def cabinet(days: Mapping[date, str] = JAPAN, newline: str = "\r\n") -> bytes:
    """The Cabinet Office's file: CP932, substitute and bridge days only called 休日."""
    rows = [f"{day.year}/{day.month}/{day.day},{_official(name)}" for day, name in sorted(days.items())]
    return (newline.join(["国民の祝日・休日月日,国民の祝日・休日名称", *rows]) + newline).encode("cp932")


def ical(days: Mapping[date, str] = JAPAN, newline: str = "\r\n", more: str = "") -> bytes:
    """A calendar of all-day events, each named a 祝日."""
    events = [_event(day, name, "祝日") for day, name in sorted(days.items())]
    text = "\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", *events, *([more] if more else []), "END:VCALENDAR", ""]
    )
    return text.replace("\n", newline).encode()


def google(days: Mapping[date, str] = JAPAN) -> bytes:
    """A list that also has observances, as Google's does."""
    return ical(days, more=_event(date(2026, 7, 7), "七夕", "祭日\\n祭日を非表示にするには"))


def _event(day: date, name: str, kind: str) -> str:
    after = day + timedelta(days=1)
    return (
        f"BEGIN:VEVENT\nDTSTART;VALUE=DATE:{day:%Y%m%d}\nDTEND;VALUE=DATE:{after:%Y%m%d}\n"
        f"DESCRIPTION:{kind}\nSUMMARY:{name[:2]}\n {name[2:]}\nEND:VEVENT"
    )


def _official(name: str) -> str:
    return "休日" if name in ("振替休日", "国民の休日") else name
