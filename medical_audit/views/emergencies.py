"""Emergency rights: asking, what is open, closing early, reviewing afterwards."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from medical_audit.domain.emergencies import LONGEST, SHORTEST
from medical_audit.domain.errors import NotPermitted, Refused
from medical_audit.domain.people import directory
from medical_audit.domain.rights import EMERGENCY_ASK, EMERGENCY_OPEN, LEDGER_VIEW, OPERATION_VIEW, REVIEW
from medical_audit.forms.audits import EmergencyForm, VerdictForm
from medical_audit.operations import emergencies
from medical_audit.operations.reading import read_acts
from medical_audit.queries import emergencies as queries
from medical_audit.queries.paging import PAGE_SIZE_MAX, Cursors
from medical_audit.requests import TenantRequest

USUAL_MINUTES = 60


@require_http_methods(["GET", "HEAD", "POST"])
def emergency_list(request: TenantRequest, slug: str) -> HttpResponse:
    """What is and was open; asking for one."""
    right = EMERGENCY_ASK if request.method == "POST" else OPERATION_VIEW
    request.actor.require(right, request.actor.tenant_id)
    if request.method != "POST":
        return _list(request)
    form = EmergencyForm(request.POST, people=_people(request))
    if not form.is_valid():
        return _list(request, status=422, form=form)
    given = form.cleaned_data
    try:
        operation = emergencies.enter_open(
            given["person"],
            given["minutes"],
            actor=request.actor,
            now=request.now,
            reason=given["reason"],
        )
    except Refused as refused:
        form.refused = refused.code
        return _list(request, status=422, form=form)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_safe
def emergency_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    return _page(request, pk)


@require_POST
def emergency_close(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    emergencies.close(pk, actor=request.actor, now=request.now)
    return redirect("medical_audit:emergency", slug=slug, pk=pk)


@require_POST
def emergency_review(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Enter what the review found; another person confirms it."""
    row = queries.get_emergency(pk, actor=request.actor)
    request.actor.require(REVIEW, request.actor.tenant_id)
    form = VerdictForm(request.POST)
    if not form.is_valid():
        return _page(request, pk, status=422, form=form)
    try:
        operation = emergencies.enter_review(
            row.id, form.cleaned_data["verdict"], actor=request.actor, now=request.now
        )
    except (Refused, NotPermitted) as refused:
        return _page(request, pk, status=422, form=form, refused=refused.code)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


def _people(request: TenantRequest) -> list[tuple[str, str]]:
    """Oneself first: mostly it is asked for oneself."""
    members = directory().members(request.actor.tenant_id)
    people = [(one.id, one.name) for one in members if one.for_emergencies]
    return sorted(people, key=lambda one: one[0] != request.actor.id)


def _list(request: TenantRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    rows = queries.list_emergencies(Cursors(size=PAGE_SIZE_MAX), actor=request.actor).rows
    context = {
        "rows": rows,
        "form": EmergencyForm(initial={"minutes": USUAL_MINUTES}, people=_people(request)),
        "may_ask": request.actor.may(EMERGENCY_ASK, request.actor.tenant_id),
        "least": SHORTEST,
        "most": LONGEST,
    }
    return render(request, "medical_audit/emergency_list.html", context | more, status=status)


def _page(request: TenantRequest, pk: UUID, *, status: int = 200, **more: Any) -> HttpResponse:
    row = queries.get_emergency(pk, actor=request.actor)
    is_open = row.closed_at is None and row.closes_at > request.now
    tenant_id = request.actor.tenant_id
    context = {
        "row": row,
        "is_open": is_open,
        "acts": read_acts(row, actor=request.actor, now=request.now),
        "may_read": request.actor.may(LEDGER_VIEW, tenant_id),
        "may_close": is_open
        and (request.actor.id == row.person_id or request.actor.may(EMERGENCY_OPEN, tenant_id)),
        "may_review": not is_open
        and row.reviewed_at is None
        and request.actor.may(REVIEW, tenant_id)
        and request.actor.id != row.person_id,
        "form": VerdictForm(),
    }
    return render(request, "medical_audit/emergency_detail.html", context | more, status=status)
