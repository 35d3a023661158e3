"""Lists of national holidays: taken in from a file, fetched from an address, taken over or turned down."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.holiday_files import BYTES_MAX, ListSource
from infra.forms.schedules import FeedForm, UploadForm
from infra.models import HolidayList
from infra.models.calendar import ListState
from infra.operations import holiday_lists
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.forms import REASON_MAX, text_of


@require_POST
def receive(request: TenantRequest, slug: str) -> HttpResponse:
    """Take in a list from a file; the page says what became of it."""
    request.actor.require(Permission.CALENDAR_EDIT, request.tenant.id)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.warning(request, _("Choose a file first."))
        return _back(slug)
    data = form.cleaned_data["file"].read(BYTES_MAX + 1)
    source = ListSource(form.cleaned_data["source"])
    _say(request, holiday_lists.receive_list(data, source, actor=request.actor, now=request.now))
    return _back(slug)


@require_POST
def follow(request: TenantRequest, slug: str) -> HttpResponse:
    """Keep, change or take away the address of a source."""
    request.actor.require(Permission.CALENDAR_EDIT, request.tenant.id)
    form = FeedForm(request.POST)
    if not form.is_valid():
        raise Refused("bad_url")
    source, url = ListSource(form.cleaned_data["source"]), form.cleaned_data["url"]
    holiday_lists.set_feed(source, url, actor=request.actor, now=request.now, local=settings.LOCAL)
    if url:
        messages.success(request, _("The address was kept. It is fetched within minutes, then every month."))
    else:
        messages.success(request, _("The address was taken away. The list in force stays."))
    return _back(slug)


@require_POST
def fetch_now(request: TenantRequest, slug: str) -> HttpResponse:
    """Fetch one source's list now."""
    request.actor.require(Permission.CALENDAR_EDIT, request.tenant.id)
    try:
        row = holiday_lists.refresh(
            _id(request, "feed"), actor=request.actor, now=request.now, asked=True, local=settings.LOCAL
        )
    except Refused:
        messages.warning(request, _("It was fetched a moment ago. Try again in a minute."))
        return _back(slug)
    if row is None:
        messages.warning(request, _("The list could not be fetched. The last good one stays in force."))
    else:
        _say(request, row)
    return _back(slug)


@require_POST
def adopt(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter that a waiting list is taken over; another person confirms it."""
    operation = holiday_lists.enter_adopt(
        _id(request, "list"), actor=request.actor, now=request.now,
        reason=text_of(request.POST, "reason", REASON_MAX),
    )  # fmt: skip
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_POST
def turn_down(request: TenantRequest, slug: str) -> HttpResponse:
    """Say that a waiting list is not taken over."""
    holiday_lists.turn_down(
        _id(request, "list"), actor=request.actor, now=request.now,
        reason=text_of(request.POST, "reason", REASON_MAX),
    )  # fmt: skip
    messages.success(request, _("The list was turned down. The last good one stays in force."))
    return _back(slug)


def _id(request: TenantRequest, name: str) -> UUID:
    text = text_of(request.POST, name)
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(type=name, id=text) from None


def _say(request: TenantRequest, row: HolidayList) -> None:
    said = {
        ListState.ADOPTED: (messages.SUCCESS, _("The list is right and in force.")),
        ListState.QUARANTINED: (
            messages.WARNING,
            _("The list waits: look at the difference and let two people decide."),
        ),
    }.get(
        ListState(row.state), (messages.WARNING, _("The list was refused. The last good one stays in force."))
    )
    messages.add_message(request, *said)


def _back(slug: str) -> HttpResponse:
    return redirect("infra:calendar", slug=slug)
