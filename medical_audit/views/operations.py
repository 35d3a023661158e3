"""Operations and the ledger: parse, one query or operation, a page."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from medical_audit import tasks
from medical_audit.domain.errors import NotReauthenticated, StaleContent
from medical_audit.domain.kinds import get_kind
from medical_audit.domain.rights import OPERATION_CANCEL, RECORD_CORRECT
from medical_audit.domain.states import FINAL, State
from medical_audit.forms import (
    ConfirmForm,
    CorrectionForm,
    ReasonForm,
    cursors_of,
    not_proven,
    operation_choices,
    operation_filter,
    operation_state_tabs,
)
from medical_audit.forms.filters import OPERATIONS, unread
from medical_audit.models import Operation
from medical_audit.operations import correcting, entry, verifying
from medical_audit.operations.authorising import check_confirmer, confirmed_first
from medical_audit.operations.choices import moves_of
from medical_audit.operations.reading import read_verification
from medical_audit.queries import events
from medical_audit.queries import operations as queries
from medical_audit.queries.own import was_shown
from medical_audit.queries.verifications import verification_view
from medical_audit.queries.versions import versions_of, what_it_says
from medical_audit.requests import TenantRequest

ZONE = ZoneInfo("Asia/Tokyo")


def wants_live(request: HttpRequest) -> bool:
    """Only the part that changes is asked for, by a page that is open already."""
    return request.GET.get("part") == "live"


@require_safe
def operation_list(request: TenantRequest, slug: str) -> HttpResponse:
    wanted = operation_filter(request.GET, ZONE)
    page = queries.list_operations(wanted, cursors_of(request.GET), actor=request.actor, now=request.now)
    nothing_asked = wanted == queries.OperationFilter()
    context: dict[str, Any] = {
        "rows": page.rows,
        "page": page,
        "ledger_is_empty": not page.rows and nothing_asked,
    }
    if wants_live(request):
        return render(request, "medical_audit/_operation_rows.html", context)
    counts = queries.count_operations(wanted, actor=request.actor, now=request.now)
    filters = operation_choices(wanted, counts)
    context |= {
        "state_filter": operation_state_tabs(wanted, counts),
        "total": counts.total,
        "filters": filters,
        "unread": unread(request.GET, OPERATIONS),
        "filter_count": sum(bool(one["value"]) for one in filters)
        + sum(map(bool, (wanted.state, wanted.target, wanted.q))),
        "q": wanted.q,
    }
    return render(request, "medical_audit/operation_list.html", context)


@require_safe
def operation_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    operation = queries.get_operation(pk, actor=request.actor)
    if not wants_live(request):
        return _page(request, operation)
    context = _context(request, operation) | {"seen": request.GET.get("seen", ""), "oob": True}
    return render(request, "medical_audit/_operation_live.html", context)


@require_POST
def operation_confirm(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What the confirmer alone is told is on the answer itself, once."""
    operation = queries.get_operation(pk, actor=request.actor)
    standing = check_confirmer(operation, get_kind(operation.kind), request.actor, now=request.now)
    form = ConfirmForm(
        request.POST, recently=request.proved_recently or request.signed_on, deputy=bool(standing.deputy_for)
    )
    if not form.is_valid():
        if "digest" in form.errors:
            raise StaleContent(id=str(pk))
        return _page(request, operation, confirm_form=form)
    try:
        proof = request.reauthenticate(form.cleaned_data["password"], form.cleaned_data["code"])
    except NotReauthenticated as refused:
        form.add_error(*not_proven(refused.code))
        return _page(request, operation, confirm_form=form)
    digest = form.cleaned_data["digest"]
    why = form.cleaned_data["deputy_reason"]
    confirmed = entry.confirm(
        pk, actor=request.actor, now=request.now, seen_digest=digest, proof=proof, deputy_reason=why
    )
    if confirmed.state == State.CONFIRMED:
        transaction.on_commit(partial(tasks.wake, confirmed.tenant_id, confirmed.lane))
    if confirmed.told_once:
        context = _context(request, confirmed) | {"told_once": confirmed.told_once}
        return render(request, "medical_audit/operation_detail.html", context)
    return redirect("medical_audit:operation", slug=slug, pk=pk)


@require_POST
def operation_reject(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    return _turn_down(
        request, slug, pk, move=entry.reject, right=entry.right_to_reject, form_name="reject_form"
    )


@require_POST
def operation_cancel(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    return _turn_down(
        request, slug, pk, move=entry.cancel, right=lambda _one: OPERATION_CANCEL, form_name="cancel_form"
    )


@require_POST
def operation_correct(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Enter a corrected version of a confirmed record; another person confirms it, and the old one stays as it is."""
    operation = queries.get_operation(pk, actor=request.actor)
    request.actor.require(RECORD_CORRECT, operation.tenant_id)
    form = CorrectionForm(request.POST)
    if not form.is_valid():
        return _page(request, operation, correct_form=form)
    entered = correcting.enter_correction(
        pk,
        form.cleaned_data["says"],
        actor=request.actor,
        now=request.now,
        reason=form.cleaned_data["reason"],
    )
    return redirect("medical_audit:operation", slug=slug, pk=entered.id)


@require_POST
def operation_withdraw(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    entry.withdraw(pk, actor=request.actor, now=request.now)
    return redirect("medical_audit:operation", slug=slug, pk=pk)


@require_safe
def verification(request: TenantRequest, slug: str) -> HttpResponse:
    if wants_live(request):
        # As with exports: the part alone is a view of its own, unless its page was recorded.
        shown = was_shown("verification", actor=request.actor, now=request.now)
        view = (
            verification_view(actor=request.actor)
            if shown
            else read_verification(actor=request.actor, now=request.now)
        )
        answer = render(request, "medical_audit/_verification_live.html", {"view": view})
        if view.open is None:
            answer["HX-Refresh"] = "true"  # it has ended: the whole page speaks of it
        return answer
    seen = read_verification(actor=request.actor, now=request.now)
    return render(request, "medical_audit/verification.html", {"view": seen})


@require_POST
def verify(request: TenantRequest, slug: str) -> HttpResponse:
    verifying.ask(actor=request.actor, now=request.now)
    return redirect("medical_audit:verification", slug=slug)


def _turn_down(
    request: TenantRequest,
    slug: str,
    pk: UUID,
    *,
    move: Any,
    right: Callable[[Operation], str],
    form_name: str,
) -> HttpResponse:
    operation = queries.get_operation(pk, actor=request.actor)
    request.actor.require(right(operation), operation.tenant_id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, operation, **{form_name: form})
    move(pk, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"])
    return redirect("medical_audit:operation", slug=slug, pk=pk)


def _page(request: TenantRequest, operation: Operation, **forms: Any) -> HttpResponse:
    """The operation's whole page; 422 when a form comes back with what is wrong with it."""
    context = _context(request, operation) | forms
    return render(request, "medical_audit/operation_detail.html", context, status=422 if forms else 200)


def _context(request: TenantRequest, operation: Operation) -> dict[str, Any]:
    versions = versions_of(operation, actor=request.actor)
    moves = moves_of(operation, actor=request.actor, now=request.now)
    return {
        "operation": operation,
        "is_final": operation.state in FINAL,
        "events": [
            {"event": event} for event in events.events_of_operation(operation.id, actor=request.actor)
        ],
        "may": moves,
        "confirm_refusal": moves.confirm_refusal,
        "confirm_form": ConfirmForm(recently=request.proved_recently or request.signed_on),
        "proved_recently": request.proved_recently,
        "reject_form": ReasonForm(),
        "cancel_form": ReasonForm(),
        "correct_form": CorrectionForm(initial={"says": what_it_says(versions[-1].operation)}),
        "versions": versions if len(versions) > 1 else [],
        "first_confirmations": confirmed_first(operation.id),
        "in_place_of": operation.on_behalf_of_name
        if moves.confirm and operation.on_behalf_of_id != request.actor.id
        else "",
        "seen": "",
    }
