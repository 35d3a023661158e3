"""Can a host reach a database, and what does a client's error mean."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra import probe
from infra.domain.diagnosis import best_source, explained
from infra.forms.diagnosis import DiagnosisForm
from infra.operations import diagnosing
from infra.queries import database_pages


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def database_diagnose(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """On POST the steps are gone through; nothing is changed."""
    row = database_pages.get_database(pk, actor=request.actor)
    request.actor.require(Permission.POWER_ENTER, request.tenant.id)
    posted = request.method == "POST"
    form = DiagnosisForm(request.POST if posted else None)
    lines, meaning = [], None
    hosts = database_pages.hosts_beside(row, actor=request.actor)
    valid = posted and form.is_valid()
    chosen = form.cleaned_data["host"] if valid else None
    if valid and request.POST.get("go") == "explain":
        meaning = explained(form.cleaned_data["message"])
    elif valid:
        given = form.cleaned_data
        credential = (
            diagnosing.Credential(given["user"], given["password"], given["database"])
            if given["user"]
            else None
        )
        asked = diagnosing.Asked(given["host"], credential)
        lines = diagnosing.diagnose(pk, asked, actor=request.actor, now=request.now)
    host = next((diagnosing.host_of(one) for one in hosts if one.id == chosen), None)
    context = {
        "database": row,
        "hosts": hosts,
        "form": form,
        "lines": lines,
        "can_sign_in": probe.can_sign_in(row.facts.get("engine", "")),
        "meaning": meaning,
        "asked_meaning": valid and request.POST.get("go") == "explain",
        "source": best_source(host) if host is not None else "",
        "may_open": request.actor.may(Permission.DATABASE_EDIT, request.tenant.id),
    }
    return render(
        request, "infra/database_diagnose.html", context, status=200 if valid or not posted else 422
    )
