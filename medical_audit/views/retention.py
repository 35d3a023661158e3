"""For how long the record is kept, whether it is held, and letting go what is older than its term."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from medical_audit.domain.burying import LEAST_YEARS, MOST_YEARS
from medical_audit.domain.erasing import LEAST_PERSON_MONTHS, MOST_PERSON_MONTHS
from medical_audit.domain.errors import Refused
from medical_audit.domain.rights import LEDGER_VIEW, POLICY_EDIT
from medical_audit.forms import KeepingForm, PurgeForm, text_of
from medical_audit.operations import retaining
from medical_audit.operations.reading import read_retention
from medical_audit.queries.purges import Keeping, keeping_here
from medical_audit.requests import TenantRequest


@require_http_methods(["GET", "HEAD", "POST"])
def retention(request: TenantRequest, slug: str) -> HttpResponse:
    """What holds, what has gone and what could go; another term or a hold is entered here."""
    right = POLICY_EDIT if request.method == "POST" else LEDGER_VIEW
    request.actor.require(right, request.actor.tenant_id)
    if request.method != "POST":
        return _page(request)
    form = KeepingForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        wanted = Keeping(given["years"], given["hold"], given["person_months"])
        try:
            operation = retaining.enter_keeping(
                wanted, actor=request.actor, now=request.now, reason=given["reason"]
            )
        except Refused as refused:
            if refused.code != "nothing_changed":
                raise
            form.add_error(None, _("Nothing would change."))
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    return _page(request, status=422, form=form)


@require_POST
def purge(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter that what was sealed before the end of a month goes for good."""
    request.actor.require(POLICY_EDIT, request.actor.tenant_id)
    form = PurgeForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            operation = retaining.enter_purge(
                given["until"], actor=request.actor, now=request.now, reason=given["reason"]
            )
        except Refused as refused:
            form.refused = refused.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    return _page(request, status=422, purge_form=form)


@require_POST
def purge_end(request: TenantRequest, slug: str) -> HttpResponse:
    """Enter that the purge which waits for the sealer is not carried out any more."""
    request.actor.require(POLICY_EDIT, request.actor.tenant_id)
    try:
        operation = retaining.enter_end(
            actor=request.actor, now=request.now, reason=text_of(request.POST, "reason", 500)
        )
    except Refused as refused:
        return _page(request, status=422, end_refused=refused.code)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


def _page(request: TenantRequest, *, status: int = 200, **forms: object) -> HttpResponse:
    held = keeping_here()
    context = {
        "view": read_retention(actor=request.actor, now=request.now),
        "form": KeepingForm(
            initial={"years": held.years, "hold": held.hold, "person_months": held.person_months}
        ),
        "purge_form": PurgeForm(),
        "may_edit": request.actor.may(POLICY_EDIT, request.actor.tenant_id),
        "least": LEAST_YEARS,
        "most": MOST_YEARS,
        "least_months": LEAST_PERSON_MONTHS,
        "most_months": MOST_PERSON_MONTHS,
    }
    return render(request, "medical_audit/retention.html", context | forms, status=status)
