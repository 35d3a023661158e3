"""Certificate campaigns: planning one, following it, ticking its clients, ending it."""

from __future__ import annotations

import uuid
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.forms.rotations import CheckForm, RotationForm, check, chosen, wave_forms, waves_of
from infra.forms.schedules import ReasonForm
from infra.operations import campaigns
from infra.queries import rotations
from infra.queries.databases import every_database
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.forms import text_of


@require_http_methods(["GET", "HEAD", "POST"])
def rotation_list(request: TenantRequest, slug: str) -> HttpResponse:
    """What could join a campaign, and the campaigns there are; on POST one is entered, for another person to confirm."""
    posted = request.method == "POST"
    if posted:
        request.actor.require(Permission.DATABASE_EDIT, request.tenant.id)
    given = request.POST if posted else request.GET
    zone = ZoneInfo(request.tenant.time_zone)
    form = RotationForm(request.POST if posted else None)
    windows = wave_forms(request.POST if posted else None, request.now, zone)
    picked = chosen(given)
    refused, which = "", ""
    if posted and form.is_valid() & check(windows, picked):
        try:
            operation = campaigns.enter_campaign(
                form.cleaned_data["ca"],
                list(waves_of(windows, picked, zone)),
                actor=request.actor,
                now=request.now,
                reason=form.cleaned_data["reason"],
                token=form.cleaned_data["token"],
            )
        except Refused as why:
            refused, which = why.code, str(why.params.get("target", ""))
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    elif posted and not picked:
        refused = "nothing_chosen"
    planned = campaigns.planned_for(every_database(), request.now)
    seen = rotations.planning(text_of(given, "ca"), planned, actor=request.actor)
    context = {
        "seen": seen,
        "form": form,
        "windows": list(enumerate(windows, start=1)),
        "picked": {str(pk): number for pk, number in picked.items()},
        "refused": refused,
        "which": which,
        "token": form["token"].value() if posted else uuid.uuid4().hex,
    }
    return render(request, "infra/rotation_list.html", context, status=422 if posted else 200)


@require_safe
def rotation_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    return _page(request, pk, ReasonForm())


def _page(request: TenantRequest, pk: UUID, form: ReasonForm, refused: str = "") -> HttpResponse:
    seen = rotations.campaign(pk, actor=request.actor)
    context = {
        "seen": seen,
        "campaign": seen.operation,
        "form": form,
        "refused": refused,
        "token": uuid.uuid4().hex,
        "checks": campaigns.CHECKS,
    }
    status = 422 if form.is_bound else 200
    return render(request, "infra/rotation_detail.html", context, status=status)


@require_POST
def rotation_check(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """A person has seen a client of a database connect."""
    rotations.campaign(pk, actor=request.actor)
    request.actor.require(Permission.POWER_ENTER, request.tenant.id)
    form = CheckForm(request.POST)
    if not form.is_valid():
        raise NotFound(type="resource")
    given = form.cleaned_data
    campaigns.tick_check(
        pk, str(given["database"]), given["check"], actor=request.actor, now=request.now, note=given["note"]
    )
    return redirect("infra:rotation", slug=slug, pk=pk)


@require_POST
def rotation_end(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Nothing more of a campaign is to be begun."""
    rotations.campaign(pk, actor=request.actor)
    request.actor.require(Permission.DATABASE_EDIT, request.tenant.id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, pk, form)
    given = form.cleaned_data
    try:
        operation = campaigns.enter_end(
            pk, actor=request.actor, now=request.now, reason=given["reason"], token=given["token"]
        )
    except Refused as why:
        return _page(request, pk, form, why.code)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)
