"""AWS accounts: how well each answers, taking one in step by step, and switching its clock."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.domain.permissions import Permission
from accounts.requests import TenantRequest
from infra import tasks
from infra.domain.onboarding import OPTIONAL, Feature, missing_statements
from infra.domain.proofs import Check
from infra.forms.accounts import COMMON_REGIONS, FeatureChangeForm, RegionChangeForm, SetupForm
from infra.models import AccountSetup
from infra.operations import automation, featuring, regions, setups
from infra.queries import accounts, features
from infra.queries.accounts import open_setups
from infra.queries.organization import split_setups
from infra.queries.regions import get_regions
from medical_audit.domain.errors import Refused
from medical_audit.forms import text_of


@require_safe
def account_list(request: TenantRequest, slug: str) -> HttpResponse:
    setups, rollouts = split_setups(open_setups(actor=request.actor))
    context = {
        "rows": accounts.list_accounts(actor=request.actor, now=request.now),
        "setups": setups,
        "rollouts": rollouts,
        "can_edit": request.actor.may(Permission.AUTOMATION_ENTER, request.tenant.id),
    }
    return render(request, "infra/account_list.html", context)


@require_safe
def account_detail(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    seen = accounts.get_account(pk, actor=request.actor, now=request.now)
    context = {
        "seen": seen,
        "features": features.features_of(seen.account),
        "one_account": [seen],
        "can_edit": request.actor.may(Permission.AUTOMATION_ENTER, request.tenant.id),
    }
    return render(request, "infra/account_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def account_new(request: TenantRequest, slug: str) -> HttpResponse:
    """First step: which account, where, and what Toban is to do there."""
    request.actor.require(Permission.AUTOMATION_ENTER, request.tenant.id)
    form = SetupForm(
        request.POST or None,
        initial={
            "region": [COMMON_REGIONS[0]],
            "feature": [str(one) for one in Feature if one not in OPTIONAL],
        },
    )
    refused: Refused | None = None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            row = setups.begin_setup(
                given["account_id"], given["name"], regions=given["regions"], features=given["feature"],
                managed_only=given["managed_only"], actor=request.actor, now=request.now,
            )  # fmt: skip
        except Refused as why:
            refused = form.refuse_region(why)
        else:
            return redirect("infra:account-setup", slug=slug, pk=row.id)
    context = {
        "form": form, "refused": refused, "regions": COMMON_REGIONS, "features": list(Feature),
        "listers": accounts.listers(actor=request.actor),
    }  # fmt: skip
    return render(request, "infra/account_new.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def account_setup(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Second and third step: the roles to make in the account, and the proof that they are right."""
    seen = accounts.get_setup(pk, actor=request.actor, now=request.now)
    if request.method == "POST":
        return _move(request, slug, pk)
    context: dict[str, Any] = {
        "seen": seen,
        "failed": [(one, _statements(one, seen.setup)) for one in seen.failed],
        "principal": settings.AWS_PRINCIPAL_ARN,
    }
    if request.GET.get("part") == "live":
        return render(request, "infra/_account_proof.html", context)
    if settings.AWS_PRINCIPAL_ARN:
        context["template"] = json.dumps(accounts.template_of(seen.setup), indent=2)
    return render(request, "infra/account_setup.html", context)


def _move(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    then = text_of(request.POST, "then")
    if then == "prove":
        row = setups.ask_proof(pk, actor=request.actor, now=request.now)
        transaction.on_commit(partial(tasks.kick_proof, row.tenant_id, row.id))
    elif then == "take-in":
        account = setups.take_in(pk, actor=request.actor, now=request.now)
        return redirect("infra:account", slug=slug, pk=account.id)
    elif then == "give-up":
        setups.give_up(pk, actor=request.actor, now=request.now)
        return redirect("infra:accounts", slug=slug)
    else:
        raise Refused("bad_parameter", name="then", allowed="prove, take-in, give-up")
    return redirect("infra:account-setup", slug=slug, pk=pk)


def _statements(check: Check, setup: AccountSetup) -> str:
    """What to add to the role's statements, as it is pasted among them; "" where nothing is missing."""
    if not check.missing:
        return ""
    features = [Feature(one) for one in setup.features]
    found = missing_statements(
        check.missing, check.role, setup.account_id, features, managed_only=setup.managed_only
    )
    return _pasted(found)


def _pasted(statements: Sequence[Mapping[str, Any]]) -> str:
    return ",\n".join(json.dumps(one, indent=2) for one in statements)


@require_safe
def account_template(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """The CloudFormation template as a file."""
    seen = accounts.get_setup(pk, actor=request.actor, now=request.now)
    answer = HttpResponse(
        json.dumps(accounts.template_of(seen.setup), indent=2), content_type="application/json"
    )
    answer["Content-Disposition"] = f'attachment; filename="toban-{seen.setup.account_id}.json"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def account_features(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """What Toban does in an account that is in, and which rights it lacks there; POST enters another choice."""
    seen = features.get_features(pk, actor=request.actor)
    held = {"feature": seen.chosen, "managed_only": bool(seen.setup and seen.setup.managed_only)}
    form = FeatureChangeForm(request.POST if request.method == "POST" else None, initial=held)
    refused: Refused | None = None
    if form.is_valid():
        given = form.cleaned_data
        try:
            operation = featuring.enter_features(
                pk, given["feature"], managed_only=given["managed_only"], actor=request.actor, now=request.now,
                reason=given["reason"],
            )  # fmt: skip
        except Refused as why:
            refused = why
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {
        "seen": seen, "form": form, "refused": refused, "principal": settings.AWS_PRINCIPAL_ARN,
        "missing": [(one, _pasted(one.statements)) for one in seen.missing],
    }  # fmt: skip
    return render(
        request, "infra/account_features.html", context, status=422 if request.method == "POST" else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
def account_regions(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """In which regions Toban looks in an account that is in; POST enters another choice."""
    seen = get_regions(pk, actor=request.actor)
    others = [one for one in seen.chosen if one not in COMMON_REGIONS]
    held = {"region": seen.chosen, "other_regions": ", ".join(others)}
    form = RegionChangeForm(request.POST if request.method == "POST" else None, initial=held)
    refused: Refused | None = None
    if form.is_valid():
        given = form.cleaned_data
        try:
            operation = regions.enter_regions(
                pk, given["regions"], actor=request.actor, now=request.now, reason=given["reason"]
            )
        except Refused as why:
            refused = form.refuse_region(why)
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    context = {"seen": seen, "form": form, "refused": refused, "regions": COMMON_REGIONS}
    return render(
        request, "infra/account_regions.html", context, status=422 if request.method == "POST" else 200
    )


@require_POST
def account_prove(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Prove the roles of an account that is in once more."""
    accounts.get_account(pk, actor=request.actor, now=request.now)
    row = setups.begin_again(pk, actor=request.actor, now=request.now)
    row = setups.ask_proof(row.id, actor=request.actor, now=request.now)
    transaction.on_commit(partial(tasks.kick_proof, row.tenant_id, row.id))
    return redirect("infra:account-setup", slug=slug, pk=row.id)


@require_POST
def account_automation(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    """Enter that the clock of an account is switched on or off; another person confirms it."""
    accounts.get_account(pk, actor=request.actor, now=request.now)
    operation = automation.enter_automation(
        pk, text_of(request.POST, "mode"), actor=request.actor, now=request.now,
        reason=text_of(request.POST, "reason", 500),
    )  # fmt: skip
    return redirect("medical_audit:operation", slug=slug, pk=operation.id)
