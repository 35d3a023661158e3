"""The tenant's calendar: a month, what would happen on a day, and changes of company days, looked at and entered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.operations import calendars
from infra.operations.holiday_lists import FEED_SOURCES
from infra.queries.calendar_page import calendar_page
from infra.queries.calendars import company_changes_of
from medical_audit.domain.errors import Refused
from medical_audit.forms import REASON_MAX, text_of

FIELDS = ("what", "first", "last", "name")


@require_safe
def month(request: TenantRequest, slug: str) -> HttpResponse:
    """`month` and `day` say which; `what`, `first`, `last`, `name` a change that is only looked at, or `operation` one
    that waits for its confirmation."""
    given = {name: text_of(request.GET, name) for name in FIELDS}
    return _page(request, given if given["what"] else {}, entered=text_of(request.GET, "operation"))


@require_POST
def change(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter one change of the company's calendar; another person confirms it."""
    given = {name: text_of(request.POST, name) for name in FIELDS}
    reason = text_of(request.POST, "reason", REASON_MAX)
    try:
        operation = calendars.enter_change(given, actor=request.actor, now=request.now, reason=reason)
    except Refused as refused:
        return _page(request, given | {"reason": reason}, refused=refused.code)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


def _page(
    request: TenantRequest, given: Mapping[str, str], *, refused: str = "", entered: str = ""
) -> HttpResponse:
    zone = ZoneInfo(request.tenant.time_zone)
    today = request.now.astimezone(zone).date()
    changes: list[dict[str, Any]] = company_changes_of(entered) if entered else [dict(given)] if given else []
    looked, problem = _looked_at(request, changes)
    first = _month_of(request, changes, today)
    seen = calendar_page(
        first, _day_of(text_of(request.GET, "day")), zone, actor=request.actor, now=request.now,
        after=looked.after if looked else None,
    )  # fmt: skip
    taken = {(one.first, one.last) for one in seen.closures}
    context = {
        "seen": seen, "first": first, "today": today, "given": given, "looked": looked, "entered": entered,
        "before": (first - timedelta(days=1)).replace(day=1), "after": (first + timedelta(days=31)).replace(day=1),
        "refused": refused or problem, "sources": FEED_SOURCES,
        "offered": [one for one in calendars.DEFAULT_CLOSURES if (one.first, one.last) not in taken],
        "looking": _query(given, entered),
        "can_edit": request.actor.may(Permission.CALENDAR_EDIT, request.tenant.id),
    }  # fmt: skip
    return render(request, "infra/calendar.html", context, status=422 if refused else 200)


def _looked_at(request: TenantRequest, changes: list[dict[str, Any]]) -> tuple[calendars.Looked | None, str]:
    """The calendar after the changes, or why they cannot be made."""
    if not changes:
        return None, ""
    try:
        return calendars.look_at(changes, now=request.now), ""
    except Refused as refused:
        return None, refused.code


def _query(given: Mapping[str, str], entered: str) -> QueryDict:
    """What a link on the page keeps so that the same change stays looked at."""
    kept = QueryDict(mutable=True)
    kept.update(
        {"operation": entered} if entered else {name: given[name] for name in FIELDS if given.get(name)}
    )
    return kept


def _month_of(request: TenantRequest, changes: list[dict[str, Any]], today: date) -> date:
    """The month asked for, else the one of the change looked at, else this one."""
    text = text_of(request.GET, "month")
    if not text and changes:
        first = str(changes[0].get("first", ""))
        text = first[:7] if len(first) > len("MM-DD") else f"{today.year}-{first[:2]}"
        if text < f"{today:%Y-%m}" and len(first) == len("MM-DD"):
            text = f"{today.year + 1}-{first[:2]}"
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)
    return found if 1900 < found.year < 2200 else today.replace(day=1)


def _day_of(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1900 < found.year < 2200 else None
