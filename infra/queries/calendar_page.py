"""The month of the tenant's calendar as its page shows it, also as it would be after a change."""

from __future__ import annotations

import calendar as months
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from accounts.domain.permissions import Permission
from infra.domain.calendar import Calendar
from infra.domain.reasons import Reason
from infra.models import Closure, CompanyDay, HolidayFeed, HolidayList
from infra.models.calendar import ListState
from infra.queries.calendars import Checked, Coverage, Notice, calendar_notices, checked_lists, coverage_of
from infra.queries.rules import Rules, rules_at
from infra.queries.schedule_days import day_reason
from infra.queries.schedule_pages import Happening, would_happen
from medical_audit.domain.actor import Actor
from medical_audit.domain.states import State
from medical_audit.models import Operation

LISTS_SHOWN = 8
KINDS = ("calendar.change", "calendar.set", "calendar.adopt")


@dataclass(frozen=True, slots=True)
class Day:
    """One date: what kind of day it is now, and after the change looked at where that differs (None: the same)."""

    date: date
    reason: Reason
    extra: str
    after: Reason | None = None
    after_extra: str = ""

    @property
    def special(self) -> bool:
        return (
            bool(self.extra) or self.reason.code not in ("working_day", "weekend") or self.after is not None
        )


@dataclass(frozen=True, slots=True)
class Happens:
    """What starts and stops on the chosen date, after the change looked at if there is one.

    counts: how many resources start, stop, and are left out. gone, come: what is done now and would not be after the
    change, and the other way round; both None without a change.
    """

    day: Day
    lines: Sequence[Happening]
    counts: Mapping[str, int]
    gone: Sequence[Happening] | None = None
    come: Sequence[Happening] | None = None


@dataclass(frozen=True, slots=True)
class CalendarPage:
    weeks: list[list[Day]]
    happens: Happens | None
    closures: Sequence[Closure]
    single: Sequence[CompanyDay]
    coverage: Coverage
    notices: Sequence[Notice]
    in_force: HolidayList | None
    waiting: Sequence[HolidayList]
    settled: Sequence[HolidayList]
    feeds: Sequence[HolidayFeed]
    checked: Checked
    entered: Sequence[Operation]


def calendar_page(
    first: date, chosen: date | None, zone: ZoneInfo, *, actor: Actor, now: datetime, after: Calendar | None
) -> CalendarPage:
    """Everything of the page for the month that begins on `first`; after: the calendar that somebody thinks of.

    Raises NotPermitted. Needs the tenant bound.
    """
    actor.require(Permission.RESOURCE_VIEW, actor.tenant_id)
    rules = rules_at(now)
    weeks = months.Calendar().monthdatescalendar(first.year, first.month)
    lists = HolidayList.objects.order_by("-received_at", "id")
    return CalendarPage(
        weeks=[[_day(day, rules.calendar, after) for day in week] for week in weeks],
        happens=_happens(chosen, zone, actor, rules, after) if chosen else None,
        closures=list(Closure.objects.order_by("first")),
        single=list(CompanyDay.objects.filter(day__gte=now.astimezone(zone).date()).order_by("day")),
        coverage=coverage_of(now),
        notices=calendar_notices(now),
        in_force=lists.filter(state=ListState.ADOPTED).first(),
        waiting=list(lists.filter(state=ListState.QUARANTINED)),
        settled=list(lists.filter(state__in=(ListState.REPLACED, ListState.REFUSED))[:LISTS_SHOWN]),
        feeds=list(HolidayFeed.objects.order_by("source")),
        checked=checked_lists(now),
        entered=list(Operation.objects.filter(kind__in=KINDS, state=State.ENTERED).order_by("-entered_at")),
    )


def _day(day: date, calendar: Calendar, after: Calendar | None) -> Day:
    reason, extra = day_reason(calendar, day), calendar.extra.get(day, "")
    if after is None:
        return Day(day, reason, extra)
    then, then_extra = day_reason(after, day), after.extra.get(day, "")
    if (then, then_extra) == (reason, extra):
        return Day(day, reason, extra)
    return Day(day, reason, extra, then, then_extra)


def _happens(chosen: date, zone: ZoneInfo, actor: Actor, rules: Rules, after: Calendar | None) -> Happens:
    day = _day(chosen, rules.calendar, after)
    now = would_happen(chosen, zone, actor=actor, rules=rules)
    if after is None:
        return Happens(day, now, _counts(now))
    then = would_happen(chosen, zone, actor=actor, rules=rules.with_calendar(after))
    done, will = ([one for one in lines if one.suppressed is None] for lines in (now, then))
    return Happens(
        day,
        then,
        _counts(then),
        [one for one in done if one not in will],
        [one for one in will if one not in done],
    )


def _counts(lines: Sequence[Happening]) -> Mapping[str, int]:
    counts = {"start": 0, "stop": 0, "left_out": 0}
    for one in lines:
        counts["left_out" if one.suppressed else one.action] += one.count
    return counts
