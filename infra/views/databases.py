"""The fleet of databases, one database, its snapshots, and entering a snapshot or its deletion."""

from __future__ import annotations

import uuid
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.snapshots import suggested_name
from infra.forms.databases import (
    DATABASES,
    SNAPSHOTS,
    SnapshotForm,
    database_filter,
    database_filters,
    orphan_filter,
)
from infra.forms.schedules import ReasonForm
from infra.operations import snapshotting
from infra.queries import database_pages, databases
from medical_audit.domain.errors import Refused
from medical_audit.forms import cursors_of, text_of
from medical_audit.forms.filters import unread


@require_safe
def database_list(request: TenantRequest, slug: str) -> HttpResponse:
    wanted = database_filter(request.GET)
    fleet = databases.fleet(wanted, actor=request.actor, now=request.now)
    chosen = sum(bool(getattr(wanted, name)) for name in wanted.__dataclass_fields__)
    context = {
        "fleet": fleet,
        "rows": fleet.rows,
        "filters": database_filters(wanted, fleet),
        "unread": unread(request.GET, DATABASES),
        "filter_count": chosen,
        "q": wanted.q,
    }
    return render(request, "infra/database_list.html", context)


@require_safe
def database_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    seen = database_pages.database_detail(pk, actor=request.actor, now=request.now)
    context = {
        "seen": seen,
        "database": seen.database,
        "reach": database_pages.reach_of(seen.database, actor=request.actor),
        "operations": seen.operations,
        "events": [{"event": event} for event in seen.events],
    }
    return render(request, "infra/database_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def database_snapshot(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What the snapshot is called, and why it is made; on POST it is entered."""
    seen = database_pages.database_detail(pk, actor=request.actor, now=request.now)
    request.actor.require(Permission.POWER_ENTER, request.tenant.id)
    posted = request.method == "POST"
    local = request.now.astimezone(ZoneInfo(request.tenant.time_zone))
    name = suggested_name(seen.database.aws_id, local)
    form = SnapshotForm(request.POST if posted else None, initial={"name": name})
    token = request.POST.get("token", "") if posted else uuid.uuid4().hex
    refused = "" if posted else seen.snapshot_refusal
    if posted and form.is_valid():
        given = form.cleaned_data
        try:
            operation = snapshotting.enter_snapshot(
                pk,
                given["name"],
                actor=request.actor,
                now=request.now,
                reason=given["reason"],
                token=token[:64],
            )
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {"seen": seen, "database": seen.database, "form": form, "refused": refused, "token": token}
    return render(request, "infra/database_snapshot.html", context, status=422 if posted else 200)


@require_safe
def snapshot_list(request: TenantRequest, slug: str) -> HttpResponse:
    orphans, q = text_of(request.GET, "orphans") == "yes", text_of(request.GET, "q")
    page = database_pages.list_snapshots(orphans, q, cursors_of(request.GET), actor=request.actor)
    context = {
        "rows": page.rows,
        "page": page,
        "filters": orphan_filter("yes" if orphans else ""),
        "unread": unread(request.GET, SNAPSHOTS),
        "filter_count": orphans + bool(q),
        "q": q,
    }
    return render(request, "infra/snapshot_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def snapshot_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """One snapshot; on POST its deletion is entered, for another person to confirm."""
    seen = database_pages.snapshot_detail(pk, actor=request.actor)
    posted = request.method == "POST"
    if posted:
        request.actor.require(Permission.DATABASE_EDIT, request.tenant.id)
    form = ReasonForm(request.POST if posted else None)
    token = request.POST.get("token", "") if posted else uuid.uuid4().hex
    refused = ""
    if posted and form.is_valid():
        try:
            operation = snapshotting.enter_deletion(
                pk, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"], token=token[:64]
            )
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {
        "seen": seen,
        "snapshot": seen.snapshot,
        "form": form,
        "refused": refused,
        "token": token,
        "operations": seen.operations,
        "events": [{"event": event} for event in seen.events],
    }
    return render(request, "infra/snapshot_detail.html", context, status=422 if posted else 200)
