"""Sessions of the tenant: the month added up and the list, ending one, and what holds for sessions."""

from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.rights import OPERATION_VIEW, POLICY_EDIT, SESSION_END
from medical_audit.forms import (
    ConfirmPolicyForm,
    PolicyForm,
    ReasonForm,
    cursors_of,
    session_filter,
    session_filters,
)
from medical_audit.forms.filters import SESSIONS, unread
from medical_audit.models import Heartbeat, TenantPolicy, Visit
from medical_audit.operations import confirm_policies, session_ends
from medical_audit.operations import policies as policy_operations
from medical_audit.operations.confirm_policies import kind_policies
from medical_audit.operations.reading import read_sessions
from medical_audit.queries.policies import Policy, policy_here
from medical_audit.queries.sessions import get_visit
from medical_audit.requests import TenantRequest
from medical_audit.views.periods import month_of

SWEEP_LATE = timedelta(minutes=3)


@require_safe
def session_list(request: TenantRequest, slug: str) -> HttpResponse:
    return _list(request)


def _list(request: TenantRequest, *, status: int = 200, **more: object) -> HttpResponse:
    month = month_of(request.GET, request.now)
    wanted = session_filter(request.GET)
    seen = read_sessions(
        wanted,
        month.since,
        month.until,
        cursors_of(request.GET),
        actor=request.actor,
        now=request.now,
    )
    swept = Heartbeat.objects.filter(name="sessions").first()
    context = {
        "first": month.first,
        "before": month.before,
        "after": month.after,
        "account": seen.account,
        "rows": seen.page.rows,
        "page": seen.page,
        "filters": session_filters(wanted, seen.account),
        "unread": unread(request.GET, SESSIONS),
        "filter_count": bool(wanted.state) + bool(wanted.person),
        "sweeper_late": swept is None or request.now - swept.at > SWEEP_LATE,
        "swept_at": swept.at if swept else None,
        "may_end": request.actor.may(SESSION_END, request.actor.tenant_id),
        "own_session": request.actor.session,
    }
    return render(request, "medical_audit/session_list.html", context | more, status=status)


@require_POST
def session_end(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Enter that this session is to end; the person at the keyboard then confirms it with the password."""
    if not Visit.objects.filter(id=pk).exists():
        raise NotFound(type="session", id=str(pk))
    request.actor.require(SESSION_END, request.actor.tenant_id)
    visit = get_visit(pk, actor=request.actor)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _list(request, status=422, end_of=visit, end_form=form)
    reason = form.cleaned_data["reason"]
    operation = session_ends.enter_end(pk, actor=request.actor, now=request.now, reason=reason)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


@require_http_methods(["GET", "HEAD", "POST"])
def policies(request: TenantRequest, slug: str) -> HttpResponse:
    """What holds for sessions and confirmations; a change is entered here and confirmed by another person."""
    request.actor.require(
        POLICY_EDIT if request.method == "POST" else OPERATION_VIEW, request.actor.tenant_id
    )
    if request.method != "POST":
        return _policies(request)
    form = PolicyForm(request.POST)
    if form.is_valid():
        given = dict(form.cleaned_data)
        reason = given.pop("reason")
        day = given.pop("second_factor_from") or policy_here().second_factor_day
        try:
            operation = policy_operations.enter_policy(
                Policy(**given, second_factor_from=day.isoformat()),
                actor=request.actor,
                now=request.now,
                reason=reason,
            )
        except Refused as refused:
            if refused.code == "bad_parameter":
                form.add_error("second_factor_from", _("It may be earlier than April 1, 2027, not later."))
            elif refused.code == "nothing_changed":
                form.add_error(None, _("Nothing would change."))
            else:
                raise
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    return _policies(request, status=422, form=form)


@require_POST
def policy_confirm(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter who must confirm a kind from now on."""
    request.actor.require(POLICY_EDIT, request.actor.tenant_id)
    form = ConfirmPolicyForm(request.POST)
    refused = ""
    if form.is_valid():
        given = form.cleaned_data
        try:
            operation = confirm_policies.enter_confirm_policy(
                given["kind"],
                given["policy"],
                given["role"],
                actor=request.actor,
                now=request.now,
                reason=given["reason"],
            )
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    return _policies(request, status=422, kind_form=form, kind_refused=refused)


def _policies(request: TenantRequest, *, status: int = 200, **more: object) -> HttpResponse:
    held, kinds = policy_here(), kind_policies()
    context = {
        "form": PolicyForm(initial=asdict(held)),
        "held": held,
        "row": TenantPolicy.objects.first(),
        "may_edit": request.actor.may(POLICY_EDIT, request.actor.tenant_id),
        "kinds": kinds,
        "all_roles": sorted({role for one in kinds for role in one.roles}),
        "kind_form": ConfirmPolicyForm(),
    }
    return render(request, "medical_audit/policies.html", context | more, status=status)
