"""The auditor's pages: first view, what is unusual, the rules for it, the clocks."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from medical_audit.domain.anomalies import BOUNDS
from medical_audit.domain.errors import Refused
from medical_audit.domain.rights import LEDGER_VIEW, OPERATION_VIEW, POLICY_EDIT
from medical_audit.forms import anomaly_filter, anomaly_filters, cursors_of
from medical_audit.forms.audits import AnomalyRulesForm
from medical_audit.forms.filters import IN_ANOMALIES, unread
from medical_audit.operations import watching
from medical_audit.operations.auditing import note_view
from medical_audit.queries import anomalies
from medical_audit.queries.clocks import clock_days, clock_now
from medical_audit.queries.overview import overview_of
from medical_audit.requests import TenantRequest
from medical_audit.views.periods import ZONE, month_of


@require_safe
def overview(request: TenantRequest, slug: str) -> HttpResponse:
    month = month_of(request.GET, request.now)
    note_view("overview", month.since, month.until, actor=request.actor, now=request.now)
    seen = overview_of(month.since, month.until, actor=request.actor, now=request.now)
    return render(request, "medical_audit/overview.html", {"month": month, "seen": seen, "sign": seen.sign})


@require_safe
def anomaly_list(request: TenantRequest, slug: str) -> HttpResponse:
    month, wanted = month_of(request.GET, request.now), anomaly_filter(request.GET)
    note_view("anomalies", month.since, month.until, actor=request.actor, now=request.now)
    page = anomalies.list_anomalies(
        wanted, month.since, month.until, cursors_of(request.GET), actor=request.actor
    )
    counts = anomalies.anomaly_counts(month.since, month.until, actor=request.actor)
    context = {
        "month": month,
        "rows": page.rows,
        "page": page,
        "counts": counts,
        "filters": anomaly_filters(wanted, counts),
        "unread": unread(request.GET, IN_ANOMALIES),
        "filter_count": bool(wanted.rule) + bool(wanted.person),
        "watch": anomalies.watch_of(actor=request.actor, now=request.now),
    }
    return render(request, "medical_audit/anomaly_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def anomaly_rules(request: TenantRequest, slug: str) -> HttpResponse:
    """The rules with their thresholds; a change is entered here and confirmed by another person."""
    right = POLICY_EDIT if request.method == "POST" else OPERATION_VIEW
    request.actor.require(right, request.actor.tenant_id)
    if request.method != "POST":
        return _rules(request)
    form = AnomalyRulesForm(request.POST)
    if form.is_valid():
        given = dict(form.cleaned_data)
        reason = given.pop("reason")
        try:
            operation = watching.enter_rules(given, actor=request.actor, now=request.now, reason=reason)
        except Refused as refused:
            if refused.code == "nothing_changed":
                form.add_error(None, _("Nothing would change."))
            else:
                form.add_error("day_ends", _("The day must end after it begins."))
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    return _rules(request, status=422, form=form)


def _rules(
    request: TenantRequest, *, status: int = 200, form: AnomalyRulesForm | None = None
) -> HttpResponse:
    held, row = anomalies.limits_here(), anomalies.rules_row()
    context = {
        "form": form or AnomalyRulesForm(initial=held),
        "held": held,
        "bounds": BOUNDS,
        "row": row,
        "may_edit": request.actor.may(POLICY_EDIT, request.actor.tenant_id),
    }
    return render(request, "medical_audit/anomaly_rules.html", context, status=status)


@require_safe
def clock(request: TenantRequest, slug: str) -> HttpResponse:
    """How the clocks stand now and stood day by day; nobody's data, but read by those who read the ledger."""
    request.actor.require(LEDGER_VIEW, request.actor.tenant_id)
    month = month_of(request.GET, request.now)
    note_view("clock", month.since, month.until, actor=request.actor, now=request.now)
    days = clock_days(month.since, month.until, ZONE)
    context = {"month": month, "found": clock_now(request.now), "days": days}
    return render(request, "medical_audit/clock.html", context)
