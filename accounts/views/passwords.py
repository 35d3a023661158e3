"""Passwords: the invited person gives himself one, and everybody changes his own."""

from dataclasses import replace

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.forms import InvitationForm, PasswordChangeForm
from accounts.models import User
from accounts.operations import links, passkeys, second_factor, signing
from accounts.queries.people import person_without_tenant
from accounts.requests import own_address, whereabouts
from medical_audit import clock
from medical_audit.domain.errors import NotReauthenticated, Refused
from medical_audit.forms import not_proven


@sensitive_post_parameters("code", "password", "again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, link: str) -> HttpResponse:
    """A one-time link; one that is used, old or unknown is one and the same page (404), one that other tenants have to agree to
    says so (409)."""
    now = clock.now()
    found = links.find_link(link, now=now)
    if found is None:
        return render(request, "accounts/invitation_over.html", status=404)
    if not links.opens(found, now=now):
        return render(request, "accounts/invitation_waits.html", {"invitation": found}, status=409)
    form = InvitationForm(request.POST if request.method == "POST" else None, user=found.user)
    if request.method == "POST" and form.is_valid():
        where = whereabouts(request)
        person = replace(
            person_without_tenant(found.user, found.user.name, **where), tenant_id=found.tenant_id
        )
        try:
            links.accept(
                found, form.cleaned_data["code"], form.cleaned_data["password"], actor=person, now=now
            )
        except Refused as refused:
            if refused.code == "other_half_wrong":
                form.add_error("code", _("This code does not belong to this link."))
            else:
                form.refused = refused.code
        else:
            messages.success(request, _("Your password is set. Sign in with it."))
            return redirect("accounts:sign-in")
    context = {"form": form, "person": found.user, "invitation": found}
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/invitation.html", context, status=status)


@sensitive_post_parameters("current", "code", "password", "again")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def own_password(request: HttpRequest) -> HttpResponse:
    """One's own new password takes the old one, and the code of who has a second factor; every session ends."""
    assert isinstance(request.user, User)
    user, now = request.user, clock.now()
    enrolled = second_factor.is_enrolled(user.id)
    form = PasswordChangeForm(request.POST if request.method == "POST" else None, user=user)
    if request.method == "POST" and form.is_valid():
        person, given = person_without_tenant(user, user.name, **whereabouts(request)), form.cleaned_data
        try:
            proof = signing.reauthenticate(user, given["current"], given["code"], actor=person, now=now)
            signing.change_password(
                user, given["password"], given["current"], actor=person, now=now, proof=proof
            )
        except NotReauthenticated as wrong:
            field, said = not_proven(wrong.code)
            form.add_error("current" if field == "password" else field, said)
        except Refused as refused:
            form.refused = refused.code
        else:
            logout(request)
            messages.success(
                request, _("Your password is changed, and every session is ended. Sign in with the new one.")
            )
            return redirect("accounts:sign-in")
    context = {
        "form": form,
        "has_second_factor": enrolled,
        "passkeys_here": passkeys.count_here(user.id, own_address(request)),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/password.html", context, status=status)
