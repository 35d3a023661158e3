"""The ledger: search, one event in every form, exports, kept questions."""

from functools import partial
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from medical_audit import tasks
from medical_audit.domain.errors import Refused
from medical_audit.domain.people import directory
from medical_audit.domain.rights import LEDGER_VIEW, OPERATION_VIEW
from medical_audit.forms import (
    ExportForm,
    SaveForm,
    cursors_of,
    event_filter,
    event_filters,
    kept_query,
    text_of,
)
from medical_audit.forms.filters import EVENTS, unread
from medical_audit.models.export import Format
from medical_audit.operations import saving_searches
from medical_audit.operations.exports import asking
from medical_audit.operations.exports.making import question_lines
from medical_audit.operations.exports.one_event import FORMS, in_form
from medical_audit.operations.reading import COUNTED, read_event, read_exports, read_ledger
from medical_audit.queries.events import ZONE
from medical_audit.queries.exports import list_exports
from medical_audit.queries.own import was_shown
from medical_audit.queries.paging import Cursors
from medical_audit.requests import TenantRequest, handed_over


@require_safe
def ledger(request: TenantRequest, slug: str) -> HttpResponse:
    wanted = event_filter(request.GET, ZONE)
    seen = read_ledger(wanted, cursors_of(request.GET), actor=request.actor, now=request.now)
    filters = event_filters(wanted, seen.choices, directory().roles_with(OPERATION_VIEW))
    query = kept_query(request.GET)
    context = {
        "rows": seen.page.rows,
        "page": seen.page,
        "chain": seen.chain,
        "verification": seen.verification,
        "filters": filters,
        "unread": unread(request.GET, EVENTS),
        "filter_count": len(wanted.asked()),
        "found": seen.found,
        "counted": COUNTED,
        "wanted": wanted,
        "q": wanted.q,
        "query": query,
        "saved": seen.saved,
        "kept_as": next((one for one in seen.saved if one.query == query), None),
        "period": {
            "from": request.GET.get("from", "") if wanted.since else "",
            "to": request.GET.get("to", "") if wanted.until else "",
        },
    }
    return render(request, "medical_audit/event_list.html", context)


@require_safe
def event_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """One event: as a sentence, raw, as DICOM and FHIR, and its proof; each look is recorded before it is shown."""
    form = text_of(request.GET, "form")
    form = form if form in FORMS else "sentence"
    seen = read_event(pk, form, actor=request.actor, now=request.now)
    context = {
        "event": seen.row.event,
        "said": seen.row.event.said,
        "link": seen.row.link,
        "form": form,
        "forms": [{"value": name, "label": label} for name, label in _form_labels()],
        "text": in_form(seen, form),
        "seal": seen.seal,
        "path": [step.hex() for step in seen.path],
    }
    return render(request, "medical_audit/event_detail.html", context)


def _form_labels() -> list[tuple[str, str]]:
    return list(zip(FORMS, (_("Sentence"), _("Raw"), "DICOM", "FHIR", _("Proof")), strict=True))


@require_http_methods(["GET", "HEAD", "POST"])
def exports(request: TenantRequest, slug: str) -> HttpResponse:
    """The exports, and asking for one: of what the address asks for, as on the search page."""
    if request.method == "POST":
        return _ask(request, slug)
    if request.GET.get("part") == "live":
        # What a page shows that refreshes itself was recorded when it was opened; whoever asks for the part alone is recorded now.
        shown = was_shown("exports", actor=request.actor, now=request.now)
        rows = (
            list_exports(Cursors(), actor=request.actor)
            if shown
            else read_exports(Cursors(), actor=request.actor, now=request.now)
        ).rows
        context = {"rows": rows, "under_way": any(row.is_under_way for row in rows)}
        return render(request, "medical_audit/_export_rows.html", context)
    return _exports_page(request, ExportForm(initial={"format": text_of(request.GET, "format")}))


def _ask(request: TenantRequest, slug: str) -> HttpResponse:
    request.actor.require(LEDGER_VIEW, request.actor.tenant_id)
    form = ExportForm(request.POST)
    if unread(request.GET, EVENTS):
        form.refused = "filter_unread"
    elif form.is_valid():
        wanted = event_filter(request.GET, ZONE)
        given = form.cleaned_data
        try:
            asking.ask(
                wanted, given["format"], tenant=str(request.tenant), purpose=given["purpose"],
                actor=request.actor, now=request.now,
            )  # fmt: skip
        except Refused as refused:
            form.refused = refused.code
        else:
            transaction.on_commit(partial(tasks.wake_exports, request.actor.tenant_id))
            return redirect("medical_audit:exports", slug=slug)
    return _exports_page(request, form, status=422)


def _exports_page(request: TenantRequest, form: ExportForm, status: int = 200) -> HttpResponse:
    rows = read_exports(Cursors(), actor=request.actor, now=request.now).rows
    wanted = event_filter(request.GET, ZONE)
    context = {
        "rows": rows,
        "under_way": any(row.is_under_way for row in rows),
        "form": form,
        "formats": Format.values,
        "chosen": form["format"].value() or Format.CSV,
        "question": question_lines(wanted),
        "unread": unread(request.GET, EVENTS),
        "query": kept_query(request.GET),
        "paper_rows": asking.PAPER_ROWS,
    }
    return render(request, "medical_audit/export_list.html", context, status=status)


@require_safe
def export_file(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse | StreamingHttpResponse:
    """The file, part by part; that it is taken is recorded, and committed, before the first byte."""
    made = asking.hand_over(pk, actor=request.actor, now=request.now)
    return handed_over(made, slug)


@require_POST
def search_save(request: TenantRequest, slug: str) -> HttpResponse:
    request.actor.require(LEDGER_VIEW, request.actor.tenant_id)
    form, query = SaveForm(request.POST), kept_query(request.GET)
    if not form.is_valid():
        raise Refused("bad_name", name=text_of(request.POST, "name"))
    if unread(request.GET, EVENTS):
        raise Refused("filter_unread")
    saving_searches.save(form.cleaned_data["name"], query, actor=request.actor, now=request.now)
    return redirect(f"{reverse('medical_audit:ledger', kwargs={'slug': slug})}?{query}")


@require_POST
def search_forget(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    saving_searches.forget(pk, actor=request.actor)
    return redirect("medical_audit:ledger", slug=slug)
