"""A copy of a database snapshot: with a key of one's own, or at a newer engine version."""

from __future__ import annotations

import uuid
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra.domain.makings import Stock, upgrade_choices
from infra.domain.snapshots import KEY_OF_AWS, SHARED, suggested_name
from infra.forms.databases import CopyForm
from infra.operations import snapshot_copies
from infra.queries import database_pages
from infra.queries.makings import stock_of
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of


@require_http_methods(["GET", "HEAD", "POST"])
def snapshot_copy(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What the copy is called, with which key and version; on POST it is entered, for another person to confirm."""
    seen = database_pages.snapshot_detail(pk, actor=request.actor)
    request.actor.require(Permission.DATABASE_EDIT, request.tenant.id)
    row, posted = seen.snapshot, request.method == "POST"
    needs_key = row.kind == SHARED and row.encrypted
    choices = upgrade_choices(row.engine, row.engine_version, stock_of(row.account, row.region) or Stock())
    local = request.now.astimezone(ZoneInfo(request.tenant.time_zone))
    initial = {
        "name": suggested_name(row.database, local), "key": KEY_OF_AWS if needs_key else "",
        "version": text_of(request.GET, "version"), "token": uuid.uuid4().hex,
    }  # fmt: skip
    form = CopyForm(request.POST if posted else None, initial=initial, region=row.region, versions=choices)
    refused = snapshot_copies.refusal_of(row, KEY_OF_AWS) or ("operation_open" if seen.operations else "")
    if posted and form.is_valid():
        given = form.cleaned_data
        try:
            operation = snapshot_copies.enter_copy(
                pk, snapshot_copies.Copy(given["name"], given["key"], given["version"], given["option_group"]),
                actor=request.actor, now=request.now, reason=given["reason"], token=given["token"],
            )  # fmt: skip
        except Refused as why:
            refused = why.code
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    options = {name for one in choices for name in snapshot_copies.options_of(row, one) or ()}
    needs_options = any(snapshot_copies.options_of(row, one) is not None for one in choices)
    context = {
        "options": sorted(options), "needs_options": needs_options,
        "snapshot": row, "form": form, "refused": refused, "choices": choices, "needs_key": needs_key,
        "token": form["token"].value(),
    }  # fmt: skip
    return render(request, "infra/snapshot_copy.html", context, status=422 if posted else 200)
