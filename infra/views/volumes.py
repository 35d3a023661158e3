"""One volume: what it served, what happened to it, and entering its deletion."""

from __future__ import annotations

import uuid
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.forms.schedules import ReasonForm
from infra.operations import deleting
from infra.queries import volumes
from medical_audit.domain.errors import Refused


@require_safe
def volume_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    seen = volumes.volume_detail(pk, actor=request.actor)
    context = {
        "seen": seen,
        "volume": seen.volume,
        "operations": seen.operations,
        "events": [{"event": event} for event in seen.events],
    }
    return render(request, "infra/volume_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def volume_delete(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What is deleted, and why; on POST it is entered, for another person to confirm."""
    seen = volumes.volume_detail(pk, actor=request.actor)
    request.actor.require(Permission.VOLUME_DELETE, request.tenant.id)
    posted = request.method == "POST"
    form = ReasonForm(request.POST if posted else None)
    token = request.POST.get("token", "") if posted else uuid.uuid4().hex
    refused = "" if posted else seen.refusal
    if posted and form.is_valid():
        try:
            operation = deleting.enter_delete(
                pk, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"], token=token[:64]
            )
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {"seen": seen, "volume": seen.volume, "form": form, "refused": refused, "token": token}
    return render(request, "infra/volume_delete.html", context, status=422 if posted else 200)
