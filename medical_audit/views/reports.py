"""Reports of a month: the list of them, and one that reads and prints on A4."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from medical_audit.operations.auditing import note_report, note_view
from medical_audit.queries.reports import REPORTS, make_report
from medical_audit.requests import TenantRequest
from medical_audit.views.periods import month_of


@require_safe
def report_list(request: TenantRequest, slug: str) -> HttpResponse:
    month = month_of(request.GET, request.now)
    note_view("reports", month.since, month.until, actor=request.actor, now=request.now)
    return render(
        request,
        "medical_audit/report_list.html",
        {"month": month, "reports": [(name, f"medical_audit:report-{name}") for name in REPORTS]},
    )


@require_safe
def report(request: TenantRequest, slug: str, name: str) -> HttpResponse:
    month = month_of(request.GET, request.now)
    made = make_report(name, month.since, month.until, actor=request.actor, now=request.now)
    note_report(made, actor=request.actor, now=request.now)
    return render(request, "medical_audit/report.html", {"month": month, "report": made})
