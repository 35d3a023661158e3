"""自分の記録: what I did, what was done in my name, where I sat."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from medical_audit.forms import cursors_of, text_of
from medical_audit.operations.reading import OWN_PARTS, read_own
from medical_audit.requests import TenantRequest


@require_safe
def history(request: TenantRequest, slug: str) -> HttpResponse:
    asked = text_of(request.GET, "show")
    part = asked if asked in OWN_PARTS else "did"
    page = read_own(part, cursors_of(request.GET), actor=request.actor, now=request.now)
    context = {"part": part, "parts": list(OWN_PARTS), "rows": page.rows, "page": page}
    return render(request, "medical_audit/own_history.html", context)
