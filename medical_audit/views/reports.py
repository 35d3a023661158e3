"""Reports of a month: the list of them, and one that reads and prints on A4, or is taken as a file."""

from functools import partial
from typing import Any
from urllib.parse import quote

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from medical_audit import tasks
from medical_audit.domain.errors import Refused
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.forms import ReportForm
from medical_audit.operations.auditing import note_report, note_view
from medical_audit.operations.exports import report_files
from medical_audit.operations.exports.report_asking import ask_report
from medical_audit.queries.reports import REPORTS, is_long, make_report
from medical_audit.requests import TenantRequest
from medical_audit.views.periods import Month, month_of


@require_safe
def report_list(request: TenantRequest, slug: str) -> HttpResponse:
    month = month_of(request.GET, request.now)
    note_view("reports", month.since, month.until, actor=request.actor, now=request.now)
    return render(
        request,
        "medical_audit/report_list.html",
        {"month": month, "reports": [(name, f"medical_audit:report-{name}") for name in REPORTS]},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def report(request: TenantRequest, slug: str, name: str) -> HttpResponse:
    month = month_of(request.GET, request.now)
    if request.method == "POST":
        return _file(request, slug, name, month)
    return _page(request, name, month, ReportForm())


def _page(
    request: TenantRequest, name: str, month: Month, form: ReportForm, status: int = 200
) -> HttpResponse:
    made = make_report(name, month.since, month.until, actor=request.actor, now=request.now)
    note_report(made, actor=request.actor, now=request.now)
    context = {
        "month": month,
        "report": made,
        "form": form,
        "long": is_long(name, month.since, month.until),
        "formats": list(report_files.MAKERS),
        "chosen": form["format"].value() or next(iter(report_files.MAKERS)),
    }
    return render(request, "medical_audit/report.html", context, status=status)


def _file(request: TenantRequest, slug: str, name: str, month: Month) -> HttpResponse:
    request.actor.require(LEDGER_VIEW, request.actor.tenant_id)
    form = ReportForm(request.POST)
    if month.unread:
        form.refused = "filter_unread"
    if month.unread or not form.is_valid():
        return _page(request, name, month, form, status=422)
    given: dict[str, Any] = {
        "tenant": str(request.tenant), "purpose": form.cleaned_data["purpose"], "actor": request.actor, "now": request.now,
    }  # fmt: skip
    of = form.cleaned_data["format"]
    try:
        if ask_report(name, month.since, month.until, of, **given):
            transaction.on_commit(partial(tasks.wake_exports, request.actor.tenant_id))
            return redirect("medical_audit:exports", slug=slug)
        made = make_report(
            name, month.since, month.until, actor=request.actor, now=request.now, most=report_files.ROWS_MOST
        )
        file = report_files.take(made, of, **given)
    except Refused as refused:
        form.refused = refused.code
        return _page(request, name, month, form, status=422)
    answer = HttpResponse(file.data, content_type=file.content_type)
    title = quote(f"toban-{slug}-{month.first:%Y-%m}-{file.name}", safe="")
    answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{title}"
    return answer
