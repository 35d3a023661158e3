"""Reviews of the ledger: what is due, one review with its items, judging, reporting for signature."""

from collections import Counter
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from medical_audit.domain.errors import DomainError, NotPermitted, Refused
from medical_audit.domain.reviews import Standing, Verdict
from medical_audit.domain.rights import REVIEW
from medical_audit.forms import text_of
from medical_audit.forms.audits import SignOffForm
from medical_audit.models import AccessReview, Operation
from medical_audit.operations import reviewing
from medical_audit.operations.auditing import note_view
from medical_audit.queries import reviews
from medical_audit.queries.anomalies import limits_here
from medical_audit.queries.paging import Cursors
from medical_audit.queries.sessions import account_of
from medical_audit.requests import TenantRequest
from medical_audit.views.periods import ZONE, month_of


@require_safe
def review_list(request: TenantRequest, slug: str) -> HttpResponse:
    return _list(request)


def _list(request: TenantRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    month = month_of(QueryDict(), request.now)
    note_view("reviews", month.since, month.until, actor=request.actor, now=request.now)
    rows = [
        (row, reviews.standing_of(row)) for row in reviews.list_reviews(Cursors(), actor=request.actor).rows
    ]
    context = {
        "rows": rows,
        "due": reviews.months_due(request.now),
        "may_review": request.actor.may(REVIEW, request.actor.tenant_id),
        "days": limits_here()["review_days"],
        "month": month,
    }
    return render(request, "medical_audit/review_list.html", context | more, status=status)


@require_POST
def review_begin(request: TenantRequest, slug: str) -> HttpResponse:
    """Begin the review of the month that is named, or ("now") of the present month up to now."""
    request.actor.require(REVIEW, request.actor.tenant_id)
    text = text_of(request.POST, "month")
    try:
        first = None if text == "now" else date.fromisoformat(f"{text}-01")
    except ValueError:
        return _list(request, status=422, refused=_("Choose the month to be reviewed."))
    try:
        review = reviewing.begin(first, actor=request.actor, now=request.now)
    except Refused as refused:
        return _list(request, status=422, refused_code=refused.code)
    return redirect("medical_audit:review", slug=slug, pk=review.id)


@require_safe
def review_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    return _page(request, pk)


@require_POST
def review_judge(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    review = reviews.get_review(pk, actor=request.actor)
    request.actor.require(REVIEW, request.actor.tenant_id)
    try:
        reviewing.judge(review.id, _verdicts(request, review), actor=request.actor, now=request.now)
    except (Refused, NotPermitted) as refused:
        return _page(request, pk, status=422, judge_refused=refused.code, typed=request.POST)
    return redirect("medical_audit:review", slug=slug, pk=pk)


@require_POST
def review_sign(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Report the review: what was found and what is done about it; somebody else signs by confirming."""
    review = reviews.get_review(pk, actor=request.actor)
    request.actor.require(REVIEW, request.actor.tenant_id)
    form = SignOffForm(request.POST)
    if not form.is_valid():
        return _page(request, pk, status=422, sign_form=form)
    given = form.cleaned_data
    try:
        operation = reviewing.enter_sign_off(
            review.id, given["findings"], given["measures"], actor=request.actor, now=request.now
        )
    except DomainError as refused:
        if not isinstance(refused, Refused):
            raise
        return _page(request, pk, status=422, sign_form=form, sign_refused=refused.code)
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)


def _verdicts(request: TenantRequest, review: AccessReview) -> dict[UUID, tuple[Verdict, str]]:
    """What was chosen, item by item; what was left open is left out."""
    found = {}
    for item in review.items.all():
        verdict = text_of(request.POST, f"verdict_{item.id}")
        if verdict in (Verdict.FINE, Verdict.FINDING):
            found[item.id] = (Verdict(verdict), text_of(request.POST, f"note_{item.id}", 1000))
    return found


def _page(request: TenantRequest, pk: UUID, *, status: int = 200, **more: Any) -> HttpResponse:
    review, items = reviewing.read_review(pk, actor=request.actor, now=request.now)
    typed = more.pop("typed", {})
    standing = reviews.standing_of(review)
    counts = Counter(item.row.verdict for item in items)
    may = request.actor.may(REVIEW, request.actor.tenant_id)
    context = {
        "review": review,
        "month": f"{review.since.astimezone(ZONE):%Y-%m}",
        "standing": standing,
        "awaited": reviews.awaited(review),
        "lines": [_line(item, typed) for item in items],
        "open": counts[Verdict.OPEN],
        "own_open": sum(item.own and item.row.verdict == Verdict.OPEN for item in items),
        "remarked": counts[Verdict.FINDING],
        "judged": len(items) - counts[Verdict.OPEN],
        "account": account_of(review.since, review.until, actor=request.actor, now=request.now),
        "may_judge": may and standing == Standing.DRAWN,
        "operation": Operation.objects.filter(id=review.operation).first() if review.operation else None,
        "sign_form": SignOffForm(),
    }
    return render(request, "medical_audit/review_detail.html", context | more, status=status)


def _line(item: reviews.Item, typed: Any) -> dict[str, Any]:
    """An item with what was typed for it, where a form comes back."""
    row = item.row
    return {
        "item": item,
        "verdict": typed.get(f"verdict_{row.id}", row.verdict),
        "note": typed.get(f"note_{row.id}", row.note),
    }
