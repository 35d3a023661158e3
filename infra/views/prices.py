"""Prices of an hour: the table, what would change before it is entered, and the table as a file to fill in."""

from __future__ import annotations

import uuid
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.prices import COLUMNS, CURRENCIES, KINDS, UNIT, PriceProblem, plain, unit_of
from infra.forms.prices import Sent, as_table, lines_of, read_sent
from infra.forms.schedules import ReasonForm
from infra.operations import pricing
from infra.queries.prices import price_page
from infra.views.tables import csv_answer
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of


@require_http_methods(["GET", "HEAD", "POST"])
def price_list(request: TenantRequest, slug: str) -> HttpResponse:
    """The table; on POST what would change is shown first, and entered with a reason."""
    if request.method != "POST":
        return _list(request, None)
    request.actor.require(Permission.PRICE_EDIT, request.tenant.id)
    today = request.now.astimezone(ZoneInfo(request.tenant.time_zone)).date()
    sent = read_sent(request.POST, request.FILES.get("file"), today=today)
    if sent.problems:
        return _list(request, sent)
    try:
        shown = pricing.proposal(sent.rows, sent.removed, actor=request.actor, now=request.now)
    except Refused as refused:
        return _list(request, sent, refused=refused.code)
    entering = request.POST.get("then") == "enter"
    form = ReasonForm(request.POST if entering else None, initial={"token": uuid.uuid4().hex})
    if entering and form.is_valid():
        operation = pricing.enter_change(
            sent.rows, sent.removed, actor=request.actor, now=request.now, reason=form.cleaned_data["reason"],
            token=form.cleaned_data["token"],
        )  # fmt: skip
        return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {
        "shown": shown, "form": form, "table": as_table(sent.rows), "removed": request.POST.getlist("remove"),
    }  # fmt: skip
    return render(request, "infra/price_preview.html", context, status=422 if form.errors else 200)


@require_safe
def price_table(request: TenantRequest, slug: str) -> HttpResponse:
    """Every type in use with its price, or none yet, as the table that can be filled in and sent back."""
    page = price_page(actor=request.actor, now=request.now)
    rows = []
    for one in (*page.missing, *page.priced, *page.unused):
        price = one.price
        kind, region, type_ = one.price_key if price else one.key
        values: dict[str, Any] = {"kind": kind, "region": region, "type": type_}
        if price is not None:
            values |= {
                "per_hour": plain(price.per_hour), "currency": price.currency, "source": price.source,
                "as_of": price.as_of.isoformat(),
            }  # fmt: skip
        rows.append([*(values.get(name, "") for name in COLUMNS), unit_of(kind)])
    return csv_answer("toban-prices", (*COLUMNS, UNIT), rows)


def _list(request: TenantRequest, sent: Sent | None, refused: str = "") -> HttpResponse:
    page = price_page(actor=request.actor, now=request.now)
    problems = sent.problems if sent else ()
    in_fields = () if sent is None or sent.as_table else problems
    context = {
        "page": page, "lines": lines_of(page, request.POST if sent else None, in_fields),
        "kinds": KINDS, "currencies": CURRENCIES, "refused": refused,
        "table_problems": problems if sent and sent.as_table else (),
        "common_problems": _common(in_fields), "table": request.POST.get("table", "") if sent else "",
        "source": text_of(request.POST, "source", 400), "as_of": text_of(request.POST, "as_of"),
        "can_edit": request.actor.may(Permission.PRICE_EDIT, request.tenant.id),
    }  # fmt: skip
    return render(request, "infra/price_list.html", context, status=422 if problems or refused else 200)


def _common(problems: Any) -> list[PriceProblem]:
    """What is wrong with source and date is the same in every line: it is said once, at their fields."""
    found: dict[tuple[str, str], PriceProblem] = {}
    for one in problems:
        if one.field in ("source", "as_of"):
            found.setdefault((one.field, one.code), one)
    return list(found.values())
