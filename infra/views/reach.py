"""Who reaches a database: letting somebody in, and out again."""

from __future__ import annotations

import uuid
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.reach import USUAL_LIMIT
from infra.forms.databases import ReachForm
from infra.forms.schedules import ReasonForm
from infra.operations import reaching
from infra.queries import database_pages
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of


@require_http_methods(["GET", "HEAD", "POST"])
def reach_open(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Who is to be let in; on POST it is entered, for another person to confirm."""
    row = database_pages.get_database(pk, actor=request.actor)
    request.actor.require(Permission.DATABASE_EDIT, request.tenant.id)
    posted, zone = request.method == "POST", ZoneInfo(request.tenant.time_zone)
    # A diagnosis that found no rule leads here with the source that is missing.
    proposed = {name: text_of(request.GET, name) for name in ("source", "description")}
    form, refused = ReachForm(request.POST if posted else None, initial=proposed), ""
    if posted and form.is_valid():
        given = form.cleaned_data
        until = given["until"].replace(tzinfo=zone) if given["until"] else None
        wish = reaching.Wish(given["group"], given["source"], given["description"], until)
        try:
            operation = reaching.enter_open(
                pk, wish, actor=request.actor, now=request.now, reason=given["reason"], token=given["token"]
            )
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {
        "reach": database_pages.reach_of(row, actor=request.actor),
        "database": row,
        "form": form,
        "refused": refused,
        "usual": USUAL_LIMIT,
        "token": form["token"].value() if posted else uuid.uuid4().hex,
    }
    return render(request, "infra/reach_open.html", context, status=422 if posted else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def reach_close(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What one operation opened is closed; on POST that is entered."""
    opened = database_pages.get_opened(pk, actor=request.actor)
    request.actor.require(Permission.DATABASE_EDIT, request.tenant.id)
    posted = request.method == "POST"
    form, refused = ReasonForm(request.POST if posted else None), ""
    if posted and form.is_valid():
        given = form.cleaned_data
        try:
            operation = reaching.enter_close(
                pk, actor=request.actor, now=request.now, reason=given["reason"], token=given["token"]
            )
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {
        "opened": opened,
        "form": form,
        "refused": refused,
        "token": form["token"].value() if posted else uuid.uuid4().hex,
    }
    return render(request, "infra/reach_close.html", context, status=422 if posted else 200)
