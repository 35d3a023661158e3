"""Of whom something can be read in the record, and erasing it."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.operations.erasing import enter_erasure
from accounts.queries.readable import people_view, person_here
from accounts.requests import TenantRequest
from medical_audit.domain.errors import Refused
from medical_audit.domain.rights import LEDGER_VIEW, POLICY_EDIT
from medical_audit.forms import text_of
from medical_audit.operations.auditing import note_page


@require_http_methods(["GET", "HEAD", "POST"])
def readable_people(request: TenantRequest, slug: str) -> HttpResponse:
    """Who can be read, who may be erased, who was; POST enters an erasure."""
    actor, now = request.actor, request.now
    refused = ""
    if request.method == "POST":
        actor.require(POLICY_EDIT, actor.tenant_id)
        person = text_of(request.POST, "person", 64)
        person_here(person, now=now)
        try:
            operation = enter_erasure(
                person, actor=actor, now=now, reason=text_of(request.POST, "reason", 500)
            )
        except Refused as refusal:
            refused = refusal.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    actor.require(LEDGER_VIEW, actor.tenant_id)
    q = text_of(request.GET, "q", 100)
    view = people_view(actor=actor, now=now, q=q)
    note_page("people", actor=actor, now=now)
    context = {
        "view": view,
        "q": q,
        "refused": refused,
        "may_edit": actor.may(POLICY_EDIT, actor.tenant_id),
        "given": request.POST,
    }
    return render(request, "accounts/readable.html", context, status=422 if refused else 200)
