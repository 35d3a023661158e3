"""What waits for a confirmation, who may enter for whom, who stands in for whom, and who must confirm a kind."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.kinds import all_kinds
from medical_audit.domain.people import directory
from medical_audit.domain.rights import DELEGATE, OPERATION_VIEW, POLICY_EDIT
from medical_audit.forms import DelegationForm, DeputiesForm, ReasonForm
from medical_audit.models import Delegation, Deputy
from medical_audit.operations import delegating
from medical_audit.operations.choices import turn_words
from medical_audit.queries import operations as queries
from medical_audit.queries.policies import policy_here
from medical_audit.requests import TenantRequest

ZONE = ZoneInfo("Asia/Tokyo")
SHOWN = 100
ENDED_SHOWN = 20


@require_safe
def queue(request: TenantRequest, slug: str) -> HttpResponse:
    """Entered in my name, what else is mine to confirm, what I entered, and every proxy entry by age."""
    actor, now = request.actor, request.now
    mine, total = queries.awaiting(actor=actor, now=now, limit=SHOWN)
    proxies = queries.proxies(actor=actor, limit=SHOWN)
    own = queries.entered_by(actor.id, actor=actor, limit=SHOWN)
    hours = policy_here().escalate_hours
    for_me = [row for row in proxies if row.on_behalf_of_id == actor.id]
    named = {row.id for row in mine} & {row.id for row in for_me}
    context = {
        "late": {row.id for row in (*mine, *proxies, *own) if now - row.entered_at >= timedelta(hours=hours)},
        "mine": [row for row in mine if row.id not in named],
        "mine_total": total - len(named),
        "for_me": for_me,
        "own": own,
        "ageing": [turn_words(row, now=now, escalate_hours=hours) for row in proxies],
        "hours": hours,
    }
    return render(request, "medical_audit/queue.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def delegations(request: TenantRequest, slug: str) -> HttpResponse:
    """Who may enter for whom; one's own permissions are given here and confirmed with the password."""
    if request.method != "POST":
        request.actor.require(OPERATION_VIEW, request.actor.tenant_id)
        return _delegations(request)
    request.actor.require(DELEGATE, request.actor.tenant_id)
    form = DelegationForm(request.POST, **_choices(request))
    if not form.is_valid():
        return _delegations(request, status=422, form=form)
    given = form.cleaned_data
    try:
        operation = delegating.enter_grant(
            given["proxy"], given["kinds"], begins_at=_midnight(given["begins"]),
            ends_at=_midnight(given["ends"] + timedelta(days=1)), evidence=given["evidence"], actor=request.actor,
            now=request.now,
        )  # fmt: skip
    except Refused as refused:
        form.refused = refused.code
        return _delegations(request, status=422, form=form)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_POST
def delegation_end(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    if not Delegation.objects.filter(id=pk).exists():
        raise NotFound(type="delegation", id=str(pk))
    request.actor.require(DELEGATE, request.actor.tenant_id)
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    operation = delegating.enter_end(pk, actor=request.actor, now=request.now, reason=reason)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_POST
def deputies(request: TenantRequest, slug: str) -> HttpResponse:
    request.actor.require(DELEGATE, request.actor.tenant_id)
    form = DeputiesForm(request.POST, people=_people(request))
    if not form.is_valid():
        return _delegations(request, status=422, deputies_form=form)
    try:
        operation = delegating.enter_deputies(
            form.chosen(), actor=request.actor, now=request.now, reason=form.cleaned_data["reason"]
        )
    except Refused as refused:
        form.refused = refused.code
        return _delegations(request, status=422, deputies_form=form)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


def _delegations(request: TenantRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    rows = Delegation.objects.order_by("ends_at", "id")
    live = rows.filter(ended_at__isnull=True, ends_at__gt=request.now)
    own = Deputy.objects.filter(principal_id=request.actor.id).order_by("place")
    names = {f"deputy_{row.place}": row.deputy_id for row in own}
    today = request.now.astimezone(ZONE).date()
    context = {
        "live": live,
        "over": rows.exclude(id__in=live.values("id")).order_by("-ends_at")[:ENDED_SHOWN],
        "deputies": Deputy.objects.order_by("principal_name", "principal_id", "place"),
        "may_give": request.actor.may(DELEGATE, request.actor.tenant_id),
        "me_id": request.actor.id,
        "may_end_any": request.actor.may(POLICY_EDIT, request.actor.tenant_id),
        "form": DelegationForm(
            initial={"begins": today, "ends": today + timedelta(days=30)}, **_choices(request)
        ),
        "deputies_form": DeputiesForm(initial=names, people=_people(request)),
        "hours": policy_here().escalate_hours,
    }
    return render(request, "medical_audit/delegations.html", context | forms, status=status)


def _people(request: TenantRequest) -> list[tuple[str, str]]:
    members = directory().members(request.actor.tenant_id)
    return [(one.id, one.name) for one in members if one.id != request.actor.id]


def _choices(request: TenantRequest) -> dict[str, Any]:
    actor = request.actor
    kinds = [
        kind.name
        for kind in all_kinds()
        if kind.proxied and actor.may(kind.confirm_permission, actor.tenant_id)
    ]
    return {"people": _people(request), "kinds": sorted(kinds)}


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), ZONE)
