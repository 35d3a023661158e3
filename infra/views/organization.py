"""Many AWS accounts at once: those of an organization, and the ones that are taken in together."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.requests import TenantRequest
from infra import tasks
from infra.domain.onboarding import OPTIONAL, AccountRole, Feature, missing_statements
from infra.domain.organization import AT_ONCE
from infra.forms.accounts import COMMON_REGIONS
from infra.forms.organization import RolloutForm
from infra.operations import organizing
from infra.queries import organization as queries
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of

_RIGHT = "organizations:ListAccounts"
_MEMBERS = [one for one in Feature if one is not Feature.ORGANIZATION]


@require_http_methods(["GET", "HEAD", "POST"])
def account_organization(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What an account's organization holds; switching the list on, asking for it, and beginning with those that are ticked."""
    seen = queries.get_organization(pk, actor=request.actor, now=request.now)
    then = text_of(request.POST, "then")
    if request.method != "POST":
        if request.GET.get("part") == "live":
            return render(request, "infra/_organization_list.html", _context(seen, _form()))
        return render(request, "infra/organization.html", _context(seen, _form()))
    if then == "begin":
        return _begin(request, slug, seen)
    if then == "switch-on":
        organizing.switch_on_listing(pk, actor=request.actor, now=request.now)
    elif then == "list":
        row = organizing.ask_listing(pk, actor=request.actor, now=request.now)
        transaction.on_commit(partial(tasks.kick_listing, row.tenant_id, row.id))
    else:
        raise Refused("bad_parameter", name="then", allowed="switch-on, list, begin")
    return redirect("infra:account-organization", slug=slug, pk=pk)


def _form(data: Any = None) -> RolloutForm:
    initial = {
        "region": [COMMON_REGIONS[0]],
        "feature": [str(one) for one in Feature if one not in OPTIONAL],
    }
    return RolloutForm(data, initial=initial)


def _rollout(request: TenantRequest, many: organizing.Many, ignored: Iterable[str] = ()) -> HttpResponse:
    """On to its page, or the page itself with what was not done with which account, and why."""
    refused = {number: code for number, code in many.refused.items() if code not in ignored}
    if not refused:
        return redirect("infra:rollout", slug=request.tenant.slug, pk=many.rollout)
    seen = queries.get_rollout(many.rollout, actor=request.actor, now=request.now)
    context = {"seen": seen, "principal": settings.AWS_PRINCIPAL_ARN, "refused": refused}
    return render(request, "infra/rollout.html", context, status=422)


def _context(seen: queries.Organization, form: RolloutForm, **more: Any) -> dict[str, Any]:
    (statement,) = missing_statements(
        _RIGHT, AccountRole.READ, seen.account.account_id, [Feature.ORGANIZATION], managed_only=False
    )
    return {
        "seen": seen, "form": form, "regions": COMMON_REGIONS, "features": _MEMBERS, "at_once": AT_ONCE,
        "statement": json.dumps(statement, indent=2), "principal": settings.AWS_PRINCIPAL_ARN, **more,
    }  # fmt: skip


def _begin(request: TenantRequest, slug: str, seen: queries.Organization) -> HttpResponse:
    form = _form(request.POST)
    more: dict[str, Any] = {}
    if form.is_valid():
        given = form.cleaned_data
        try:
            begun = organizing.begin_rollout(
                seen.account.id, given["ids"], regions=given["regions"], features=given["feature"],
                managed_only=given["managed_only"], actor=request.actor, now=request.now,
            )  # fmt: skip
        except Refused as why:
            more["problem"] = form.refuse_region(why)
        else:
            if begun.done:
                return _rollout(request, begun)
            more["refused"] = begun.refused
    return render(request, "infra/organization.html", _context(seen, form, **more), status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def rollout(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Accounts that are taken in together: one template for all, a proof for each, and the entry of those that are proven."""
    seen = queries.get_rollout(pk, actor=request.actor, now=request.now)
    if request.method != "POST":
        page = "infra/_rollout_rows.html" if request.GET.get("part") == "live" else "infra/rollout.html"
        return render(request, page, {"seen": seen, "principal": settings.AWS_PRINCIPAL_ARN})
    then = text_of(request.POST, "then")
    if then == "prove":
        asked = organizing.ask_proofs(pk, actor=request.actor, now=request.now)
        for row in asked.done:
            transaction.on_commit(partial(tasks.kick_proof, row.tenant_id, row.id))
    elif then == "take-in":
        taken = organizing.take_in_proven(pk, actor=request.actor, now=request.now)
        return _rollout(request, taken, ignored={"not_proven"})
    else:
        raise Refused("bad_parameter", name="then", allowed="prove, take-in")
    return redirect("infra:rollout", slug=slug, pk=pk)


@require_safe
def rollout_template(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """The one CloudFormation template of a rollout as a file."""
    seen = queries.get_rollout(pk, actor=request.actor, now=request.now)
    answer = HttpResponse(
        json.dumps(queries.rollout_template(seen), indent=2), content_type="application/json"
    )
    answer["Content-Disposition"] = f'attachment; filename="{seen.stack_name}.json"'
    return answer
