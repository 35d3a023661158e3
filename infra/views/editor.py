"""The editor of named schedules: fields for everyday hours, the grammar one step away, drawn while it is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.content import Content, read_content
from infra.domain.week import week_of
from infra.forms.schedules import (
    FLAGS,
    PRESETS,
    content_of,
    preset,
    problems_by_row,
    rows_of,
    zones,
    zones_like,
)
from infra.operations import drafts
from infra.queries import schedule_days, schedule_pages
from infra.queries.calendars import calendar_of
from medical_audit.domain.errors import Refused, StaleContent
from medical_audit.forms import text_of

PAGE_METHODS = ["GET", "HEAD", "POST"]
#: Refusals that speak of the name.
ABOUT_THE_NAME = ("bad_name", "name_taken")


@require_http_methods(PAGE_METHODS)
def schedule_new(request: TenantRequest, slug: str) -> HttpResponse:
    """The editor of a new schedule; nothing runs by it before its publication is confirmed."""
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    if request.method != "POST":
        begun = preset(text_of(request.GET, "preset"), request.tenant.time_zone)
        return _editor(request, begun, name="")
    content, name = content_of(request.POST), text_of(request.POST, "name")
    if _only_preview(request) or isinstance(read_content(content), tuple):
        return _editor(request, content, name=name, posted=True)
    try:
        revision = drafts.create_schedule(
            name, content, actor=request.actor, now=request.now,
            description=text_of(request.POST, "description", 1000), note=text_of(request.POST, "note", 1000),
        )  # fmt: skip
    except Refused as refused:
        return _editor(request, content, name=name, posted=True, refused=refused.code)
    return redirect("infra:schedule-publish", slug=slug, pk=revision.schedule_id)


@require_http_methods(PAGE_METHODS)
def schedule_edit(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """The editor of the one draft, begun from what is published where there is none."""
    listed = schedule_pages.get_schedule(pk, actor=request.actor)
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    base, name = listed.draft or listed.revision, listed.named.name
    if request.method != "POST":
        content = base.content if base else preset("", request.tenant.time_zone)
        return _editor(request, content, name=name, listed=listed)
    content = content_of(request.POST)
    if _only_preview(request) or isinstance(read_content(content), tuple):
        return _editor(request, content, name=name, listed=listed, posted=True)
    try:
        drafts.save_draft(
            pk, content, actor=request.actor, now=request.now, note=text_of(request.POST, "note", 1000),
            seen=text_of(request.POST, "seen"),
        )  # fmt: skip
    except StaleContent as stale:
        return _editor(request, content, name=name, listed=listed, posted=True, refused=stale.code)
    messages.success(
        request, _("The draft is saved. Nothing runs by it before its publication is confirmed.")
    )
    return redirect("infra:schedule-publish", slug=slug, pk=pk)


def _editor(
    request: TenantRequest,
    content: Mapping[str, Any],
    *,
    name: str,
    listed: schedule_pages.ListedSchedule | None = None,
    posted: bool = False,
    refused: str = "",
) -> HttpResponse:
    """The form with what was typed, what is wrong at which field, and a preview drawn by the engine."""
    read = read_content(content, today=request.now.date())
    problems = read if isinstance(read, tuple) and posted else ()
    context = _preview(request, read) | {"problems": problems}
    if request.headers.get("HX-Request"):
        context |= {
            "row_problems": problems_by_row(request.POST, problems),
            "general": _general(problems),
            "live": True,
        }
        return render(request, "infra/_schedule_preview.html", context)
    options = content.get("options", {})
    context |= {
        "listed": listed, "name": name, "zone": content.get("zone"), "zones": zones(request.tenant.time_zone),
        "zone_wrong": next((one for one in problems if one.path == "zone"), None),
        "zone_near": zones_like(str(content.get("zone"))),
        "rows": rows_of(content, problems), "flags": [(one, bool(options.get(one, one == "holidays"))) for one in FLAGS],
        "maintenance_windows": ", ".join(map(str, options.get("maintenance_windows", ()))),
        "grace_start_min": options.get("grace_start_min", 60), "grace_stop_min": options.get("grace_stop_min", 60),
        "general": _general(problems), "presets": () if listed or posted else tuple(PRESETS),
        "refused": refused, "refused_name": refused in ABOUT_THE_NAME,
        "seen": text_of(request.POST, "seen") if posted else listed.draft.digest if listed and listed.draft else "",
        "note": text_of(request.POST, "note", 1000), "description": text_of(request.POST, "description", 1000),
    }  # fmt: skip
    if refused == "draft_changed" and listed is not None:
        # Saving once more is then a decision: what the other person saved stands in the list of revisions.
        context["seen"] = listed.draft.digest if listed.draft else ""
    wrong = bool(refused) or bool(problems)
    return render(request, "infra/schedule_edit.html", context, status=422 if wrong else 200)


def _preview(request: TenantRequest, read: Content | tuple[Any, ...]) -> dict[str, Any]:
    """What the fields stand for, as a week, the coming days and the next changes."""
    if not isinstance(read, Content):
        return {"schedule": None, "warnings": ()}
    schedule, calendar = read.schedule, calendar_of(request.now)
    return {
        "schedule": schedule,
        "warnings": read.warnings,
        "week": week_of(schedule, request.now.astimezone(schedule.tz).date()),
        "days": schedule_days.days_of(schedule, calendar, request.now),
        "next": schedule_days.next_acts(schedule, calendar, request.now),
    }


def _general(problems: tuple[Any, ...]) -> list[Any]:
    """What stands at no row of hours and not at the zone's own field."""
    return [one for one in problems if not one.path.startswith("periods.") and one.path != "zone"]


def _only_preview(request: HttpRequest) -> bool:
    return request.POST.get("then") == "preview" or bool(request.headers.get("HX-Request"))
