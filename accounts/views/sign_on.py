"""Signing on by a tenant's identity provider: the way there and back, and the page on which it is decided."""

from __future__ import annotations

import secrets
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.domain.permissions import Permission
from accounts.domain.sign_on import Claim, Mode
from accounts.forms import SignOnForm, SignOnSwitchForm
from accounts.models import User
from accounts.operations import second_factor, sign_on, signing_off, signing_on
from accounts.queries.people import person_without_tenant
from accounts.queries.sign_on import name_of_provider, sign_on_page
from accounts.requests import (
    SeatedRequest,
    TenantRequest,
    origin_of,
    own_address,
    safe_next,
    seat_taken,
    whereabouts,
)
from accounts.views.second_factor import begin_second_step, complete
from medical_audit import clock
from medical_audit.domain.errors import NotFound, Refused

#: What this browser was sent to a provider with; one at a time, taken out when it comes back.
ASKED = "signing_on"
#: What the button of our own page carries.
PRESSED = "signing_on_pressed"
#: Which provider this browser came in by last, so that the door offers it.
LAST = "toban_sign_on"
LAST_HOLDS_S = 180 * 24 * 3600
#: What a browser says of a click on our own page, and of an address that somebody typed or kept.
OURS = ("same-origin", "none")


@never_cache
@require_safe
def leave_for_provider(request: SeatedRequest, house: UUID) -> HttpResponse:
    """To the tenant's provider; with `again=yes` somebody signed in proves there once more that it is he.

    Whoever comes from another site presses a button first: a page that he only looks at must not sign him in as somebody else.
    """
    if request.headers.get("Sec-Fetch-Site") not in OURS and not _pressed(request):
        name = name_of_provider(house)
        if not name:
            raise Http404
        go = request.session[PRESSED] = secrets.token_urlsafe(16)
        context = {"house": house, "provider": name, "asked": {**request.GET.dict(), "go": go}}
        return render(request, "accounts/sign_on_leave.html", context)
    again = request.GET.get("again") == "yes"
    user = request.user if isinstance(request.user, User) else None
    seat = request.seat
    if again and (user is None or seat is None or seat.via != house):
        return redirect("accounts:sign-in")
    purpose, person = (signing_on.AGAIN, str(user.id)) if again and user else (signing_on.ENTER, "")
    # Where a seat waits the answer would have to be a new one anyhow: one way there instead of two.
    anew = seat_taken(request) is not None
    return _send(request, house, safe_next(request), purpose=purpose, person=person, anew=anew)


def _send(
    request: HttpRequest, house: UUID, goal: str, *, purpose: str, person: str = "", anew: bool
) -> HttpResponse:
    try:
        sent = signing_on.send(
            house, _back(request, house), goal, purpose=purpose, person=person, anew=anew, now=clock.now()
        )
    except NotFound as missing:
        raise Http404 from missing
    request.session[ASKED] = sent.asked
    return redirect(sent.url)


def _pressed(request: HttpRequest) -> bool:
    """Whether this is the button of our own page: of browsers that do not say where a click comes from."""
    shown = request.session.pop(PRESSED, "")
    return bool(shown) and constant_time_compare(shown, request.GET.get("go", ""))


@never_cache
@require_safe
def come_back(request: HttpRequest, house: UUID) -> HttpResponse:
    """The provider's answer: the session begins, the second factor is asked for, or a confirmation may follow; to the provider once
    more where it only said what it knew before. 403 with the reason where it proves nobody."""
    now, origin = clock.now(), origin_of(request)
    asked = request.session.pop(ASKED, None)
    if asked is not None:
        request.session.save()
    try:
        browser = whereabouts(request)["session"]
        signed = signing_on.come_back(
            house, asked, request.GET.dict(), _back(request, house), now=now, origin=origin, browser=browser
        )
        if asked["purpose"] == signing_on.AGAIN:
            return _proved_again(request, signed, asked["next"])
        if isinstance(request.user, User) and request.user.id != signed.user.id:
            raise Refused("sign_on_while_signed_in")
    except NotFound as missing:
        raise Http404 from missing
    except signing_on.AskAnew:
        return _send(request, house, asked["next"], purpose=signing_on.ENTER, anew=True)
    except Refused as refused:
        context = {"code": refused.code, "house": house, "provider": name_of_provider(house)}
        return render(request, "accounts/sign_on_failed.html", context, status=403)
    word = {"via": str(house), "claims": signed.said.kept, "factors": signed.factors, "hint": signed.hint}
    if "mfa" not in signed.factors and second_factor.is_enrolled(signed.user.id):
        return begin_second_step(request, signed.user, asked["next"], now, word)
    answer = complete(request, signed.user, asked["next"], signed.factors, now, origin, word)
    answer.set_cookie(
        LAST, str(house), max_age=LAST_HOLDS_S, secure=request.is_secure(), httponly=True, samesite="Lax"
    )
    return answer


@never_cache
@csrf_exempt
@require_POST
def ended_there(request: HttpRequest, house: UUID) -> HttpResponse:
    """The provider itself says who signed out there, by a token that it signs (`logout_token`): 200, or 400 for what is none."""
    token = request.POST.get("logout_token", "")
    try:
        signing_off.ended_there(house, token, now=clock.now(), origin=origin_of(request))
    except NotFound as missing:
        raise Http404 from missing
    except Refused as refused:
        said = {"error": "invalid_request", "error_description": refused.code}
        return JsonResponse(said, status=429 if refused.code == "too_many_tries" else 400)
    return HttpResponse()


def _proved_again(request: HttpRequest, signed: signing_on.SignedOn, goal: str) -> HttpResponse:
    user = request.user
    if not isinstance(user, User):
        return redirect("accounts:sign-in")
    actor = person_without_tenant(user, user.name, **whereabouts(request))
    signing_on.proved_again(user, signed, actor=actor, now=clock.now())
    return redirect(goal or "accounts:home")


def _back(request: HttpRequest, house: UUID) -> str:
    return f"{own_address(request)}{reverse('accounts:sign-on-back', args=[house])}"


def offered_here(request: HttpRequest) -> dict[str, object] | None:
    """The provider that this browser came in by last, if it still lets people in: for the button at the door."""
    try:
        house = UUID(request.COOKIES.get(LAST, ""))
    except ValueError:
        return None
    name = name_of_provider(house)
    return {"house": house, "name": name} if name else None


@sensitive_post_parameters("secret")
@require_http_methods(["GET", "HEAD", "POST"])
def settings_page(request: TenantRequest, slug: str) -> HttpResponse:
    """The tenant's provider, which auditors read, too. POST enters a provider (`then=set`) or who comes in by it (`switch`); another
    person confirms."""
    actor = request.actor
    if request.method == "POST":
        actor.require(Permission.POLICY_EDIT, actor.tenant_id)
    shown = sign_on_page(actor=actor)
    row, then = shown.provider, request.POST.get("then", "")
    initial = {
        "name": row.name, "issuer": row.issuer, "client_id": row.client_id, "claim": row.claim,
        "domains": " ".join(row.domains),
    } if row else {"claim": Claim.EMAIL}  # fmt: skip
    form = SignOnForm(request.POST if then == "set" else None, initial=initial)
    switch = SignOnSwitchForm(
        request.POST if then == "switch" else None,
        people=[(str(one.id), one.name) for one in shown.candidates],
        initial={"mode": row.mode, "local_people": row.local_people} if row else {},
    )
    forms: dict[str, SignOnForm | SignOnSwitchForm] = {"set": form, "switch": switch}
    sent = forms.get(then)
    if sent is not None and sent.is_valid():
        enter = sign_on.enter_provider if then == "set" else sign_on.enter_switch
        try:
            operation = enter(**sent.cleaned_data, actor=actor, now=request.now)
        except Refused as refused:
            sent.refused = refused
        else:
            return redirect("medical_audit:operation", slug=slug, pk=operation.id)
    elif request.method == "POST" and sent is None:
        raise Refused("bad_parameter", name="then", allowed="set, switch")
    context = {
        "shown": shown, "form": form, "switch": switch, "modes": list(Mode), "claims": list(Claim),
        "back": _back(request, request.tenant.id),
        "ended": f"{own_address(request)}{reverse('accounts:sign-on-ended', args=[request.tenant.id])}",
        "door": f"{own_address(request)}{reverse('accounts:sign-on', args=[request.tenant.id])}",
        "may_edit": actor.may(Permission.POLICY_EDIT, actor.tenant_id),
        "may_unbind": actor.may(Permission.MEMBER_EDIT, actor.tenant_id),
        "chosen": {str(one) for one in switch["local_people"].value() or []},
    }  # fmt: skip
    return render(request, "accounts/sign_on.html", context, status=422 if request.method == "POST" else 200)
