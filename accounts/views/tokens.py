"""API tokens: what there is, making one (its text is shown once), ending one."""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.domain.permissions import Permission
from accounts.domain.terms import end_of
from accounts.forms import TokenForm
from accounts.operations import ending_tokens, tokens
from accounts.queries.tokens import get_token, tokens_of
from accounts.requests import TenantRequest
from accounts.views.second_factor import is_signed_on
from medical_audit.domain.errors import NotReauthenticated, Refused
from medical_audit.forms import not_proven
from medical_audit.queries.policies import policy_here

LASTS = timedelta(days=90)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def token_list(request: TenantRequest, slug: str) -> HttpResponse:
    """Making one enters and confirms it in one step: it is one's own right, and the password is given with it."""
    actor, zone = request.actor, ZoneInfo(request.tenant.time_zone)
    actor.require(Permission.TOKEN_MAKE, actor.tenant_id)
    allowed = [str(one) for one in Permission if one in actor.permissions - tokens.NEVER]
    last_day = (request.now + LASTS).astimezone(zone).date()
    form = TokenForm(
        request.POST if request.method == "POST" else None, allowed=allowed, initial={"last_day": last_day},
        signed_on=is_signed_on(request),
    )  # fmt: skip
    day = policy_here().second_factor_day
    text = ""
    if request.method == "POST" and form.is_valid():
        text = _make(request, form, zone)
    context = {
        "form": form,
        "chosen": form["permissions"].value() or [],
        "permissions": allowed,
        "text": text,
        "tokens": tokens_of(actor, request.now),
        "factor_day": day,
        "factor_due": request.now.astimezone(zone).date() >= day,
        "sees_all": actor.may(Permission.SESSION_END, actor.tenant_id),
    }
    if not is_signed_on(request):
        context["signed_on"] = None  # whoever has a password here is asked for it
    status = 422 if request.method == "POST" and not text else 200
    return render(request, "accounts/tokens.html", context, status=status)


def _make(request: TenantRequest, form: TokenForm, zone: ZoneInfo) -> str:
    """The text of the new token; "" where something was wrong, which then stands in the form."""
    given = form.cleaned_data
    until = end_of(given["last_day"], zone)
    try:
        proof = request.prove_anew(given["password"], given["code"])
        made = tokens.make_token(
            given["name"], given["permissions"], given["networks"], until, actor=request.actor, now=request.now,
            reason=given["reason"], proof=proof,
        )  # fmt: skip
    except NotReauthenticated as refused:
        form.add_error(*not_proven(refused.code))
        return ""
    except Refused as refused:
        form.refused = refused.code
        return ""
    return made.text


@require_POST
def token_end(request: TenantRequest, slug: str, pk: UUID) -> HttpResponse:
    get_token(pk, actor=request.actor)
    ending_tokens.end_token(pk, actor=request.actor, now=request.now)
    messages.success(request, _("The token is ended. It lets nobody in any more."))
    return redirect("people:tokens", slug=slug)
