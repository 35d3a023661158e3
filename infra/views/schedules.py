"""Named schedules: the list, one page each, the editor, publishing and assigning."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.content import Content, read_content
from infra.forms.schedules import FLAGS, ReasonForm, content_of, rows_of, zones
from infra.models.schedule import Scope
from infra.operations import assigning, drafts, publishing
from infra.queries import schedule_pages
from infra.queries.rules import rules_at
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.forms import text_of

PAGE_METHODS = ["GET", "HEAD", "POST"]


@require_safe
def schedule_list(request: TenantRequest, slug: str) -> HttpResponse:
    context = {
        "rows": schedule_pages.list_schedules(actor=request.actor),
        "can_edit": request.actor.may(Permission.SCHEDULE_EDIT, request.tenant.id),
    }
    return render(request, "infra/schedule_list.html", context)


@require_safe
def schedule_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    seen = schedule_pages.schedule_page(pk, actor=request.actor, now=request.now)
    context = {
        "seen": seen,
        "listed": seen.listed,
        "can_edit": request.actor.may(Permission.SCHEDULE_EDIT, request.tenant.id),
    }
    return render(request, "infra/schedule_detail.html", context)


@require_http_methods(PAGE_METHODS)
def schedule_new(request: TenantRequest, slug: str) -> HttpResponse:
    """The editor of a new schedule; nothing runs by it before its publication is confirmed."""
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    empty: dict[str, Any] = {"zone": request.tenant.time_zone, "periods": [], "options": {}}
    if request.method != "POST":
        return _editor(request, empty, name="")
    content, name = content_of(request.POST), text_of(request.POST, "name")
    if _only_preview(request):
        return _editor(request, content, name=name, posted=True)
    read = read_content(content)
    if isinstance(read, tuple):
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
    listed = schedule_pages.schedule_page(pk, actor=request.actor, now=request.now).listed
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    base = listed.draft or listed.revision
    if request.method != "POST":
        content = base.content if base else {"zone": request.tenant.time_zone, "periods": [], "options": {}}
        return _editor(request, content, name=listed.named.name, listed=listed)
    content = content_of(request.POST)
    if _only_preview(request) or isinstance(read_content(content), tuple):
        return _editor(request, content, name=listed.named.name, listed=listed, posted=True)
    try:
        drafts.save_draft(
            pk, content, actor=request.actor, now=request.now, note=text_of(request.POST, "note", 1000),
            seen=text_of(request.POST, "seen"),
        )  # fmt: skip
    except StaleContent as stale:
        return _editor(
            request, content, name=listed.named.name, listed=listed, posted=True, refused=stale.code
        )
    messages.success(
        request, _("The draft is saved. Nothing runs by it before its publication is confirmed.")
    )
    return redirect("infra:schedule-publish", slug=slug, pk=pk)


@require_http_methods(PAGE_METHODS)
def schedule_publish(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What publishing would change, in words and as the next 14 days; on POST it is entered for another person."""
    listed = schedule_pages.schedule_page(pk, actor=request.actor, now=request.now).listed
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    given = request.POST if request.method == "POST" else request.GET
    revision = _revision(text_of(given, "revision"), listed)
    try:
        shown = publishing.proposal(pk, revision, actor=request.actor, now=request.now)
    except Refused as refused:
        messages.info(
            request, _("Nothing would change.") if refused.code == "nothing_changed" else refused.code
        )
        return redirect("infra:schedule", slug=slug, pk=pk)
    form = ReasonForm(request.POST if request.method == "POST" else None, initial={"token": uuid.uuid4().hex})
    if request.method == "POST" and form.is_valid():
        operation = publishing.enter_publish(
            pk, revision, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"],
            token=form.cleaned_data["token"],
        )  # fmt: skip
        return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {"listed": listed, "shown": shown, "form": form, "revision": revision}
    return render(request, "infra/schedule_publish.html", context, status=422 if form.errors else 200)


@require_http_methods(PAGE_METHODS)
def assign(request: TenantRequest, slug: str) -> HttpResponse:
    """Which schedule a resource, a project or the whole tenant follows; entered for another person."""
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    given = request.POST if request.method == "POST" else request.GET
    scope, key = _scope(text_of(given, "scope")), text_of(given, "key", 300)
    chosen = _uuid(text_of(given, "schedule"))
    form = ReasonForm(request.POST if request.method == "POST" else None)
    target, shown, refused = None, None, ""
    try:
        target, shown = assigning.proposal(scope, key, chosen, actor=request.actor, now=request.now)
    except Refused as why:
        refused = why.code
    if request.method == "POST" and form.is_valid() and not refused:
        operation = assigning.enter_assign(
            scope, key, chosen, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"]
        )
        return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {
        "scope": str(scope), "key": key, "chosen": chosen, "shown": shown, "target": target, "refused": refused,
        "schedules": [one for one in schedule_pages.list_schedules(actor=request.actor) if one.revision],
        "form": form,
    }  # fmt: skip
    status = 422 if request.method == "POST" else 200
    return render(request, "infra/assign.html", context, status=status)


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
    read = read_content(content, today=request.now.date()) if posted or content.get("periods") else None
    problems = read if isinstance(read, tuple) else ()
    days: Sequence[schedule_pages.DayLine] = ()
    if isinstance(read, Content):
        days = schedule_pages.days_of(read.schedule, rules_at(request.now).calendar, request.now)
    options = content.get("options", {})
    context = {
        "listed": listed, "name": name, "zone": content.get("zone"), "zones": zones(),
        "rows": rows_of(content, problems if posted else ()), "flags": [(one, bool(options.get(one, one == "holidays"))) for one in FLAGS],
        "grace_start_min": options.get("grace_start_min", 60), "grace_stop_min": options.get("grace_stop_min", 60),
        "problems": problems if posted else (),
        "general": [one for one in problems if posted and not one.path.startswith("periods.")],
        "warnings": read.warnings if isinstance(read, Content) else (),
        "schedule": read.schedule if isinstance(read, Content) else None, "days": days, "refused": refused,
        "seen": listed.draft.digest if listed and listed.draft else "",
        "note": text_of(request.POST, "note", 1000), "description": text_of(request.POST, "description", 1000),
    }  # fmt: skip
    if request.headers.get("HX-Request"):
        return render(request, "infra/_schedule_preview.html", context)
    wrong = bool(refused) or (bool(problems) and posted)
    return render(request, "infra/schedule_edit.html", context, status=422 if wrong else 200)


def _only_preview(request: HttpRequest) -> bool:
    return request.POST.get("then") == "preview" or bool(request.headers.get("HX-Request"))


def _revision(text: str, listed: schedule_pages.ListedSchedule) -> UUID:
    """The revision that is asked for, else the draft, else nothing there is."""
    if text:
        found = _uuid(text)
        if found is None:
            raise NotFound(type="revision", id=text)
        return found
    base = listed.draft or listed.revision
    if base is None:
        raise NotFound(type="revision")
    return base.id


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise NotFound(type="schedule", id=text[:40]) from None


def _scope(text: str) -> Scope:
    if text not in [str(one) for one in assigning.SCOPES]:
        raise Refused("bad_parameter", name="scope", allowed="resource, project, tenant")
    return Scope(text)
