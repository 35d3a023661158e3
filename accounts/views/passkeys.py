"""Passkeys: the question that a device answers, and taking one in."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts.forms import PasskeyForm
from accounts.models import User
from accounts.operations import passkeys, second_factor, signing
from accounts.requests import own_address
from accounts.views.second_factor import half_signed_in, page, person_of
from medical_audit import clock
from medical_audit.domain.errors import NotReauthenticated, Refused


@never_cache
@require_POST
def question(request: HttpRequest) -> HttpResponse:
    """A question for the device of who is signed in, or half signed in, as JSON; 409 with the reason in words where there is none."""
    now = clock.now()
    user = request.user if isinstance(request.user, User) else half_signed_in(request, now)[0]
    if user is None:
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Session"})
    ask = passkeys.ask_to_prove
    if request.POST.get("for") == passkeys.ADD and isinstance(request.user, User):
        ask = passkeys.ask_to_add
    try:
        return HttpResponse(ask(user, own_address(request), now=now), content_type="application/json")
    except Refused as refused:
        context = {"code": refused.code}
        return render(request, "accounts/passkey_problem.txt", context, content_type="text/plain", status=409)


@sensitive_post_parameters("password", "code", "answer")
@never_cache
@require_POST
@login_required
def passkey_add(request: HttpRequest) -> HttpResponse:
    """Take a passkey in, with the password and, where there is a second factor already, that as well."""
    assert isinstance(request.user, User)
    user, now = request.user, clock.now()
    form = PasskeyForm(request.POST, auto_id="key_%s")
    if form.is_valid():
        given, person = form.cleaned_data, person_of(request, user)
        try:
            signing.reauthenticate(user, given["password"], given["code"], actor=person, now=now)
            codes = second_factor.enrol_passkey(user, given["name"], given["answer"], actor=person, now=now)
        except NotReauthenticated as wrong:
            form.add_error("code" if wrong.code == "wrong_code" else "password", _("This is not right."))
        except Refused as refused:
            form.refused = refused.code
        else:
            if codes:
                return page(request, user, codes=codes)
            messages.success(request, _("The passkey is in use."))
            return redirect("accounts:second-factor")
    return page(request, user, key_form=form, status=422)
