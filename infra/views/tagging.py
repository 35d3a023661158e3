"""Tags that volumes get from their servers: the rules, what they would write, what runs wrote, and undoing a run."""

from __future__ import annotations

import uuid
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.tagging import KEYS_MAX, Overwrite
from infra.forms.schedules import ReasonForm
from infra.forms.volumes import RulesForm
from infra.operations import tagging_rules, untagging
from infra.queries import tagging
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.forms import text_of


@require_safe
def tagging_page(request: TenantRequest, slug: str) -> HttpResponse:
    """Which rule holds where, and what the last runs wrote."""
    common, lines = tagging.lines(actor=request.actor)
    context = {
        "common": common, "lines": lines, "runs": tagging.runs(actor=request.actor),
        "can_edit": request.actor.may(Permission.AUTOMATION_ENTER, request.tenant.id),
    }  # fmt: skip
    return render(request, "infra/tagging.html", context)


@require_safe
def tagging_account(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What tagging would write in one account now: the dry run, which changes nothing."""
    begin = text_of(request.GET, "from", 6)
    context = {
        "seen": tagging.account_page(
            pk, int(begin) if begin.isascii() and begin.isdigit() else 0, actor=request.actor
        ),
        "can_edit": request.actor.may(Permission.AUTOMATION_ENTER, request.tenant.id),
    }
    return render(request, "infra/tagging_account.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def rules_change(request: TenantRequest, slug: str) -> HttpResponse:
    """The rules of an account, or of all that have none; what they would write is shown before they are entered."""
    account = _account_of(request)
    held = tagging.held_by(account, actor=request.actor)
    request.actor.require(Permission.AUTOMATION_ENTER, request.tenant.id)
    posted = request.method == "POST"
    form = RulesForm(request.POST if posted else None)
    reason = ReasonForm(request.POST if text_of(request.POST, "do") == "enter" else None)
    shown, refused = None, ""
    try:
        if posted and form.is_valid():
            who = {"actor": request.actor}
            _, shown = tagging_rules.proposal(account, form.rules, **who)
            if reason.is_bound and reason.is_valid():
                operation = tagging_rules.enter_rules(
                    account, form.rules, now=request.now, reason=reason.cleaned_data["reason"],
                    token=reason.cleaned_data["token"], **who,
                )  # fmt: skip
                return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    except Refused as why:
        refused = why.code
    context = {
        "held": held, "account": tagging.account_of(account) if account else None, "form": form, "reason": reason, "shown": shown, "refused": refused,
        "keys": text_of(request.POST, "keys", 2000) if posted else "\n".join(held.rules.keys),
        "overwrite": text_of(request.POST, "overwrite") if posted else str(held.rules.overwrite),
        "snapshots": "snapshots" in request.POST if posted else held.rules.snapshots,
        "overwrites": [str(one) for one in Overwrite], "limit": KEYS_MAX,
        "token": text_of(request.POST, "token") or uuid.uuid4().hex,
    }  # fmt: skip
    fine = not posted or (shown is not None and not refused and not reason.errors)
    return render(request, "infra/tagging_rules.html", context, status=200 if fine else 422)


@require_http_methods(["GET", "HEAD", "POST"])
def tagging_run(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What one run wrote; on POST it is entered that it is undone."""
    seen = tagging.run_page(pk, actor=request.actor)
    posted = request.method == "POST"
    if posted:
        request.actor.require(Permission.AUTOMATION_ENTER, request.tenant.id)
    form, refused = ReasonForm(request.POST if posted else None), ""
    if posted and form.is_valid():
        try:
            operation = untagging.enter_undo(
                pk, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"],
                token=form.cleaned_data["token"],
            )  # fmt: skip
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {
        "seen": seen, "form": form, "refused": refused, "token": text_of(request.POST, "token") or uuid.uuid4().hex,
        "can_undo": request.actor.may(Permission.AUTOMATION_ENTER, request.tenant.id) and seen.run.tagged > 0,
    }  # fmt: skip
    return render(request, "infra/tagging_run.html", context, status=422 if posted else 200)


def _account_of(request: TenantRequest) -> UUID | None:
    given = request.GET.get("account", "")
    try:
        return UUID(given) if given else None
    except ValueError:
        raise NotFound(type="account", id=given[:64]) from None
