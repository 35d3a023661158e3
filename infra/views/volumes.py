"""One volume: what it served, what happened to it, and entering its deletion; and all that serve nothing for long."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.forms.fleet import ids_of
from infra.forms.schedules import ReasonForm
from infra.forms.volumes import LeftOverForm
from infra.operations import deleting, leftovers, restoring
from infra.queries import volumes
from infra.queries.leftover_months import trend
from infra.queries.leftovers import is_left_over, left_overs
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of
from medical_audit.models import Operation


@require_safe
def volume_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    seen = volumes.volume_detail(pk, actor=request.actor)
    context = {
        "seen": seen,
        "volume": seen.volume,
        "operations": seen.operations,
        "left_over": is_left_over(seen.volume, seen.unattached_since, request.now),
        "events": [{"event": event} for event in seen.events],
    }
    return render(request, "infra/volume_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def left_over(request: TenantRequest, slug: str) -> HttpResponse:
    """What serves nothing for long and what it costs; on POST some of it is left alone for a while, or its deletion entered."""
    if request.method != "POST":
        return left_over_page(request, LeftOverForm(initial={"days": 30}))
    request.actor.require(Permission.VOLUME_DELETE, request.tenant.id)
    form, ids = LeftOverForm(request.POST), ids_of(request.POST)
    if not form.is_valid() or not ids:
        return left_over_page(request, form, refused="" if ids else "nothing_selected")
    who: dict[str, Any] = {"actor": request.actor, "now": request.now, "reason": form.cleaned_data["reason"]}
    try:
        if text_of(request.POST, "do") == "keep":
            kept = leftovers.snooze(ids, days=form.cleaned_data["days"], **who)
            messages.success(
                request,
                ngettext("%(n)s volume is kept for now.", "%(n)s volumes are kept for now.", kept)
                % {"n": kept},
            )
            return redirect("infra:left-over", slug=slug)
        done, undone = leftovers.enter_deletes(
            ids, token=form.cleaned_data["token"] or uuid.uuid4().hex, **who
        )
    except Refused as why:
        return left_over_page(request, form, refused=why.code)
    if undone:
        return left_over_page(request, form, done=done, undone=undone)
    return redirect(f"{reverse('medical_audit:operations', args=[slug])}?mine=yes")


@require_safe
def left_over_months(request: TenantRequest, slug: str) -> HttpResponse:
    """What left-over volumes cost, month by month and by project."""
    seen = trend(actor=request.actor, now=request.now, tz=ZoneInfo(request.tenant.time_zone))
    context = {
        "days": [one.span.begin.date() for one in seen.months],
        "months": [
            {
                "month": one, "day": one.span.begin.date(),
                "bars": [(name, amount, _of_thousand(amount, seen.largest[name])) for name, amount in one.pairs],
            }
            for one in reversed(seen.months)
        ],
        "projects": [
            {"name": name, "currency": currency, "amounts": [one.by_project.get((name, currency)) for one in seen.months]}
            for name, currency in seen.projects
        ],
    }  # fmt: skip
    return render(request, "infra/left_over_months.html", context)


def _of_thousand(amount: Decimal, largest: Decimal) -> int:
    return int(amount * 1000 / largest) if largest else 0


def left_over_page(
    request: TenantRequest, form: LeftOverForm, refused: str = "", **more: Any
) -> HttpResponse:
    """The page itself, also for what is decided of these volumes on the floor above. `more`: see _undone.html."""
    context = {
        "seen": left_overs(actor=request.actor, now=request.now), "form": form, "refused": refused,
        "token": uuid.uuid4().hex,
        "can_decide": request.actor.may(Permission.VOLUME_DELETE, request.tenant.id),
    } | more  # fmt: skip
    return render(request, "infra/left_over.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def volume_delete(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What is deleted, and why; on POST it is entered, for another person to confirm."""
    return _entering(request, pk, deleting.enter_delete, "")


@require_http_methods(["GET", "HEAD", "POST"])
def volume_restore(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """A deleted volume and the snapshot of it; on POST it is entered that it comes back."""
    enter = partial(restoring.enter_restore, zone=text_of(request.POST, "zone"))
    return _entering(request, pk, enter, "nothing_to_restore")


def _entering(
    request: TenantRequest, pk: UUID, enter: Callable[..., Operation], nothing: str
) -> HttpResponse:
    """`nothing`: what is said of a volume that cannot come back; "" for a deletion, of which the volume itself says it."""
    seen = volumes.volume_detail(pk, actor=request.actor)
    request.actor.require(Permission.VOLUME_DELETE, request.tenant.id)
    posted = request.method == "POST"
    form = ReasonForm(request.POST if posted else None)
    token = request.POST.get("token", "") if posted else uuid.uuid4().hex
    cannot = seen.restore_refusal or nothing
    speaks_against = ("" if seen.may_restore else cannot) if nothing else seen.refusal
    refused = "" if posted else speaks_against
    if posted and form.is_valid():
        try:
            operation = enter(
                pk, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"], token=token[:64]
            )
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=request.tenant.slug, pk=operation.id)
    context = {
        "seen": seen, "volume": seen.volume, "form": form, "refused": refused, "token": token, "restores": bool(nothing),
        "zone": text_of(request.POST, "zone") or seen.volume.zone,
    }  # fmt: skip
    return render(request, "infra/volume_enter.html", context, status=422 if posted else 200)
