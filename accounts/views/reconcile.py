"""A personnel list held against the members of a tenant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.domain.permissions import Permission, Role
from accounts.domain.roster import BYTES_MAX, Difference, Known, Listed, What
from accounts.operations import reconciling
from accounts.operations.reconciling import Chosen
from accounts.requests import TenantRequest
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of

#: Differences that an operation can settle.
ENTERED = (What.INVITE, What.CLOSE, What.CHANGE)


@require_http_methods(["GET", "HEAD", "POST"])
def reconcile(request: TenantRequest, slug: str) -> HttpResponse:
    """POST reads a file (`then=read`) or enters what was ticked (`enter`)."""
    request.actor.require(Permission.MEMBER_EDIT, request.actor.tenant_id)
    context: dict[str, Any] = {"roles": [str(one) for one in Role]}
    if request.method == "POST":
        try:
            context |= _enter(request) if request.POST.get("then") == "enter" else _read(request)
        except Refused as refused:
            context["refused"] = refused
    status = 422 if "refused" in context else 200
    return render(request, "accounts/reconcile.html", context, status=status)


def _read(request: TenantRequest) -> dict[str, Any]:
    file = request.FILES.get("file")
    if file is None:
        raise Refused("roster_missing")
    if file.size and file.size > BYTES_MAX:
        raise Refused("roster_too_large", limit=BYTES_MAX)
    found = reconciling.reconcile(file.read(), actor=request.actor, now=request.now)
    return {"found": found, "groups": _groups(found.differences)}


def _enter(request: TenantRequest) -> dict[str, Any]:
    entered = reconciling.enter_chosen(
        [_chosen(text) for text in request.POST.getlist("chosen")[: reconciling.CHOSEN_MAX + 1]],
        text_of(request.POST, "role", 20),
        actor=request.actor,
        now=request.now,
        reason=text_of(request.POST, "reason", 500),
    )
    links = [
        (name, request.build_absolute_uri(reverse("accounts:invitation", args=[link])))
        for name, link in entered.links
    ]
    return {"entered": reconciling.Entered(entered.operations, links, entered.refused)}


def _chosen(text: str) -> Chosen:
    try:
        given = json.loads(text)
        read = {name: str(given.get(name, ""))[:254] for name in Chosen.__slots__}
        if not all(one.isprintable() for one in read.values()):
            raise ValueError("no text of a file")
        return Chosen(**read)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Refused("bad_parameter", name="chosen", allowed="") from None


def _groups(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    return [
        {"what": what, "enters": what in ENTERED, "rows": [_row(one) for one in rows]}
        for what, rows in groupby(differences, key=lambda one: one.what)
    ]


def _row(one: Difference) -> dict[str, str]:
    chosen = reconciling.listed_of(one)
    told = one.what in (What.CHANGE, What.NAME)
    return {
        "name": chosen.name, "username": chosen.username, "value": json.dumps(asdict(chosen), ensure_ascii=False),
        "now": _said(one.known, one.what) if told else "", "then": _said(one.listed, one.what) if told else "",
    }  # fmt: skip


def _said(side: Known | Listed | None, what: What) -> str:
    if side is None:
        return ""
    if what == What.NAME:
        return side.name
    days = f"{side.first or ''}〜{side.last or ''}" if side.first or side.last else ""
    return " ".join(filter(None, (side.email, days)))
