"""Snapshots whose volume is gone, and volumes that would be left when their server is terminated: deciding on many at once."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.forms.fleet import ids_of
from infra.forms.schedules import ReasonForm
from infra.forms.volumes import LeftOverForm
from infra.operations import staying as terminating
from infra.operations import volume_snapshots
from infra.queries import volume_snapshots as pages
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of


@require_http_methods(["GET", "HEAD", "POST"])
def left_snapshots(request: TenantRequest, slug: str) -> HttpResponse:
    """What is kept of volumes that do not exist; on POST some is left alone for a while, or its deletion entered."""
    if request.method != "POST":
        return _snapshots(request, LeftOverForm(initial={"days": 30}))
    request.actor.require(Permission.VOLUME_DELETE, request.tenant.id)
    form, ids = LeftOverForm(request.POST), ids_of(request.POST)
    if not form.is_valid() or not ids:
        return _snapshots(request, form, refused="" if ids else "nothing_selected")
    given = form.cleaned_data
    who: dict[str, Any] = {"actor": request.actor, "now": request.now, "reason": given["reason"]}
    try:
        if text_of(request.POST, "do") == "keep":
            kept = volume_snapshots.snooze(ids, days=given["days"], **who)
            messages.success(
                request,
                ngettext("%(n)s snapshot is kept for now.", "%(n)s snapshots are kept for now.", kept)
                % {"n": kept},
            )
            return redirect("infra:left-snapshots", slug=slug)
        done, undone = volume_snapshots.enter_deletes(ids, token=given["token"] or uuid.uuid4().hex, **who)
    except Refused as why:
        return _snapshots(request, form, refused=why.code)
    if undone:
        return _snapshots(request, form, done=done, undone=undone)
    return redirect(f"{reverse('medical_audit:operations', args=[slug])}?mine=yes")


def _snapshots(request: TenantRequest, form: LeftOverForm, refused: str = "", **more: Any) -> HttpResponse:
    context = {"seen": pages.left_snapshots(actor=request.actor, now=request.now)} | _common(
        request, form, refused
    )
    return render(request, "infra/left_snapshots.html", context | more, status=_status(request))


@require_http_methods(["GET", "HEAD", "POST"])
def staying(request: TenantRequest, slug: str) -> HttpResponse:
    """What would be left over when its server is terminated; on POST it is entered that some of it goes with its server."""
    if request.method != "POST":
        return _staying(request, ReasonForm())
    request.actor.require(Permission.VOLUME_DELETE, request.tenant.id)
    form, ids = ReasonForm(request.POST), ids_of(request.POST)
    if not form.is_valid() or not ids:
        return _staying(request, form, refused="" if ids else "nothing_selected")
    given = form.cleaned_data
    try:
        done, undone = terminating.enter_changes(
            ids, terminating.GOES, actor=request.actor, now=request.now, reason=given["reason"],
            token=given["token"] or uuid.uuid4().hex,
        )  # fmt: skip
    except Refused as why:
        return _staying(request, form, refused=why.code)
    if undone:
        return _staying(request, form, done=done, undone=undone)
    return redirect(f"{reverse('medical_audit:operations', args=[slug])}?mine=yes")


def _staying(request: TenantRequest, form: ReasonForm, refused: str = "", **more: Any) -> HttpResponse:
    rows, total = pages.staying(actor=request.actor)
    context = {"rows": rows, "total": total} | _common(request, form, refused)
    return render(request, "infra/staying.html", context | more, status=_status(request))


def _common(request: TenantRequest, form: ReasonForm, refused: str) -> dict[str, Any]:
    may = request.actor.may(Permission.VOLUME_DELETE, request.tenant.id)
    return {"form": form, "refused": refused, "token": uuid.uuid4().hex, "can_decide": may}


def _status(request: TenantRequest) -> int:
    return 422 if request.method == "POST" else 200
