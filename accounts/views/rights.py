"""Rights that nobody uses, and the quarterly round in which somebody else says whether each is still needed."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.domain.permissions import Permission
from accounts.operations import recertifying
from accounts.queries.recertifying import rights_page
from accounts.requests import TenantRequest
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of


@require_http_methods(["GET", "HEAD", "POST"])
def rights(request: TenantRequest, slug: str) -> HttpResponse:
    """POST begins this quarter's round (`then=begin`) or decides on what is ticked (`decision`)."""
    actor, now, refused = request.actor, request.now, None
    missed: list[tuple[str, str]] = []
    if request.method == "POST":
        actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
        try:
            if request.POST.get("then") == "begin":
                recertifying.begin(actor=actor, now=now)
            else:
                missed = recertifying.decide(
                    _ids(request), text_of(request.POST, "decision", 10), actor=actor, now=now,
                    reason=text_of(request.POST, "reason", 500),
                )  # fmt: skip
        except Refused as wrong:
            refused = wrong
        if refused is None and not missed:
            return redirect("people:rights", slug=slug)
    context = {
        "shown": rights_page(actor=actor, now=now), "refused": refused, "missed": missed,
        "may_report": actor.may(Permission.LEDGER_VIEW, actor.tenant_id),
        "may_edit": actor.may(Permission.MEMBER_EDIT, actor.tenant_id),
    }  # fmt: skip
    return render(request, "accounts/rights.html", context, status=422 if refused or missed else 200)


def _ids(request: TenantRequest) -> list[UUID]:
    try:
        return [UUID(text) for text in request.POST.getlist("item")]
    except ValueError:
        raise Refused("bad_parameter", name="item", allowed="") from None
