"""Named schedules: the list, one page each, comparing revisions, publishing, archiving and assigning."""

from __future__ import annotations

import uuid
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.forms.schedules import ReasonForm
from infra.models.schedule import Scope
from infra.operations import archiving, assigning, publishing
from infra.queries import schedule_pages
from infra.views.tables import csv_answer
from medical_audit.domain.errors import NotFound, Refused, StaleContent
from medical_audit.forms import text_of

PAGE_METHODS = ["GET", "HEAD", "POST"]
_COLUMNS = ("resource", "aws_id", "account", "project", "date", "time", "zone", "action", "change")


@require_safe
def schedule_list(request: TenantRequest, slug: str) -> HttpResponse:
    archived = request.GET.get("show") == "archived"
    context = {
        "page": schedule_pages.list_page(actor=request.actor, now=request.now, archived=archived),
        "archived": archived,
        "can_edit": request.actor.may(Permission.SCHEDULE_EDIT, request.tenant.id),
    }
    return render(request, "infra/schedule_list.html", context)


@require_safe
def schedule_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    everyone = request.GET.get("followers") == "all"
    seen = schedule_pages.schedule_page(pk, actor=request.actor, now=request.now, every_follower=everyone)
    context = {
        "seen": seen,
        "listed": seen.listed,
        "more_followers": max(0, seen.listed.followers - len(seen.resources)),
        "can_edit": request.actor.may(Permission.SCHEDULE_EDIT, request.tenant.id),
        "can_price": request.actor.may(Permission.PRICE_EDIT, request.tenant.id),
    }
    return render(request, "infra/schedule_detail.html", context)


@require_safe
def schedule_compare(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Two revisions side by side, for everybody who may look."""
    before, after = (_uuid(text_of(request.GET, name)) for name in ("before", "after"))
    seen = schedule_pages.compare_page(pk, before, after, actor=request.actor, now=request.now)
    can_edit = request.actor.may(Permission.SCHEDULE_EDIT, request.tenant.id)
    return render(request, "infra/schedule_compare.html", {"seen": seen, "can_edit": can_edit})


@require_http_methods(PAGE_METHODS)
def schedule_publish(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What publishing would change, in words and as the next 14 days; on POST it is entered for another person."""
    listed = schedule_pages.get_schedule(pk, actor=request.actor)
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    given = request.POST if request.method == "POST" else request.GET
    revision = _revision(text_of(given, "revision"), listed)
    try:
        shown = publishing.proposal(pk, revision, actor=request.actor, now=request.now)
    except Refused as refused:
        if refused.code != "nothing_changed":
            raise
        messages.info(request, _("Nothing would change."))
        return redirect("infra:schedule", slug=slug, pk=pk)
    form = ReasonForm(request.POST if request.method == "POST" else None, initial={"token": uuid.uuid4().hex})
    changed = ""
    if request.method == "POST" and form.is_valid():
        try:
            operation = publishing.enter_publish(
                pk, revision, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"],
                token=form.cleaned_data["token"], seen=text_of(request.POST, "seen"),
            )  # fmt: skip
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
        except StaleContent as stale:
            changed = stale.code
    context = {"listed": listed, "shown": shown, "form": form, "revision": revision, "refused": changed}
    status = 409 if changed else 422 if form.errors else 200
    return render(request, "infra/schedule_publish.html", context, status=status)


@require_safe
def schedule_forecast(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Every start and stop of the next 14 days that a publication would add or take away, as CSV."""
    listed = schedule_pages.get_schedule(pk, actor=request.actor)
    revision = _revision(text_of(request.GET, "revision"), listed)
    zone = ZoneInfo(request.tenant.time_zone)
    rows = [
        (
            str(row), row.aws_id, row.account.account_id, row.project, f"{local:%Y-%m-%d}", f"{local:%H:%M}",
            request.tenant.time_zone, action, change,
        )
        for row, change, at, action in publishing.differing(pk, revision, actor=request.actor, now=request.now)
        for local in [at.astimezone(zone)]
    ]  # fmt: skip
    return csv_answer(f"toban-{listed.named.name}-14days", _COLUMNS, rows)


@require_http_methods(PAGE_METHODS)
def schedule_archive(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What stands in the way of archiving a schedule, or its entry for another person; an archived one comes back."""
    listed = schedule_pages.get_schedule(pk, actor=request.actor, archived=True)
    request.actor.require(Permission.SCHEDULE_EDIT, request.tenant.id)
    back = listed.named.archived_at is not None
    obstacles = None if back else archiving.in_the_way(listed.named)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and not obstacles:
        enter = archiving.enter_restore if back else archiving.enter_archive
        operation = enter(pk, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"])
        return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {"listed": listed, "back": back, "form": form, "obstacles": obstacles}
    return render(
        request, "infra/schedule_archive.html", context, status=422 if request.method == "POST" else 200
    )


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
