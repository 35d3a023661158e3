"""The tenant's calendar: a month, what would happen on a day, company days, and the lists of holidays that came in."""

from __future__ import annotations

import calendar as months
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.holiday_files import BYTES_MAX, ListSource
from infra.forms.schedules import UploadForm
from infra.models import Closure, CompanyDay, HolidayList
from infra.models.calendar import ListState
from infra.operations import calendars
from infra.queries import schedule_days, schedule_pages
from infra.queries.calendars import coverage_of
from infra.queries.rules import rules_at
from medical_audit.forms import text_of

LISTS_SHOWN = 8


@require_safe
def month(request: TenantRequest, slug: str) -> HttpResponse:
    """One month, Monday first; with ?day= what would happen on that date."""
    request.actor.require(Permission.RESOURCE_VIEW, request.tenant.id)
    zone = ZoneInfo(request.tenant.time_zone)
    today = request.now.astimezone(zone).date()
    first = _first_of(text_of(request.GET, "month"), today)
    chosen = _day_of(text_of(request.GET, "day"))
    rules = rules_at(request.now)
    weeks = [
        [(day, schedule_days.day_reason(rules.calendar, day), rules.calendar.day(day).extra) for day in week]
        for week in months.Calendar().monthdatescalendar(first.year, first.month)
    ]
    context = {
        "weeks": weeks, "first": first, "today": today, "chosen": chosen,
        "before": (first - timedelta(days=1)).replace(day=1), "after": (first + timedelta(days=31)).replace(day=1),
        "happens": schedule_pages.would_happen(chosen, zone, actor=request.actor, rules=rules) if chosen else [],
        "reason": schedule_days.day_reason(rules.calendar, chosen) if chosen else None,
        "closures": Closure.objects.order_by("first"), "single": CompanyDay.objects.filter(day__gte=today).order_by("day"),
        "lists": HolidayList.objects.order_by("-received_at")[:LISTS_SHOWN],
        "coverage": coverage_of(request.now), "defaults": calendars.DEFAULT_CLOSURES,
        "can_edit": request.actor.may(Permission.CALENDAR_EDIT, request.tenant.id),
        "states": {"quarantined": ListState.QUARANTINED},
    }  # fmt: skip
    return render(request, "infra/calendar.html", context)


@require_POST
def change(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter one change of the company's calendar; another person confirms it."""
    given = {name: text_of(request.POST, name) for name in ("what", "first", "last", "name")}
    operation = calendars.enter_change(
        given, actor=request.actor, now=request.now, reason=text_of(request.POST, "reason", 500)
    )
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_POST
def receive(request: TenantRequest, slug: str) -> HttpResponse:
    """Take in a list of holidays, from a file or an address; the page says what became of it."""
    request.actor.require(Permission.CALENDAR_EDIT, request.tenant.id)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.warning(request, _("Choose a file, or give an address."))
        return redirect("infra:calendar", slug=slug)
    source = ListSource(form.cleaned_data["source"])
    if form.cleaned_data["file"] is not None:
        data = form.cleaned_data["file"].read(BYTES_MAX + 1)
        row = calendars.receive_list(data, source, actor=request.actor, now=request.now)
    else:
        row = calendars.refresh(
            source, form.cleaned_data["url"], actor=request.actor, now=request.now, local=settings.LOCAL
        )
    said = {
        ListState.ADOPTED: (messages.SUCCESS, _("The list is right and was taken over.")),
        ListState.QUARANTINED: (
            messages.WARNING,
            _("The list waits: look at the difference and let two people decide."),
        ),
    }.get(
        ListState(row.state), (messages.WARNING, _("The list was refused. The last good one stays in force."))
    )
    messages.add_message(request, *said)
    return redirect("infra:calendar", slug=slug)


@require_POST
def adopt(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter that a waiting list is taken over; another person confirms it."""
    operation = calendars.enter_adopt(
        text_of(request.POST, "list") or None, actor=request.actor, now=request.now,
        reason=text_of(request.POST, "reason", 500),
    )  # fmt: skip
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


def _first_of(text: str, today: date) -> date:
    try:
        return date.fromisoformat(f"{text}-01") if text else today.replace(day=1)
    except ValueError:
        return today.replace(day=1)


def _day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
