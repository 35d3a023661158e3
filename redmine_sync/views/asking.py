"""Asking for tickets of left-over volumes, from their page or from that of one of them."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.forms.fleet import ids_of
from infra.forms.schedules import ReasonForm
from infra.forms.volumes import LeftOverForm
from infra.views.volumes import left_over_page
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of
from redmine_sync import tasks
from redmine_sync.operations.asking import ask_for_volumes


@require_POST
def left_over_tickets(request: TenantRequest, slug: str) -> HttpResponse:
    """Ask for a ticket of each of these volumes; `back` "volume": sent from the page of the only one."""
    request.actor.require(Permission.VOLUME_DELETE, request.tenant.id)
    form, ids, typed = ReasonForm(request.POST), ids_of(request.POST), LeftOverForm(request.POST)
    if not form.is_valid() or not ids:
        return left_over_page(request, typed, refused="reason_missing" if ids else "nothing_selected")
    reason = form.cleaned_data["reason"]
    try:
        server, asked, undone = ask_for_volumes(ids, actor=request.actor, now=request.now, reason=reason)
    except Refused as why:
        return left_over_page(request, typed, refused=why.code)
    if asked:
        transaction.on_commit(partial(tasks.wake, server.tenant_id, server.id))
    if undone:
        return left_over_page(request, typed, undone=undone, asked=asked)
    said = ngettext(
        "Toban writes %(n)s ticket into Redmine. Its link stands here as soon as it is there.",
        "Toban writes %(n)s tickets into Redmine. Their links stand here as soon as they are there.",
        len(asked),
    )
    messages.success(request, said % {"n": len(asked)})
    if text_of(request.POST, "back") == "volume":
        return redirect("infra:volume", slug=slug, pk=ids[0])
    return redirect("infra:left-over", slug=slug)
