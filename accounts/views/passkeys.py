"""The question that a person's device answers with a passkey."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.operations import passkeys
from accounts.requests import own_address
from accounts.views.second_factor import half_signed_in
from medical_audit import clock
from medical_audit.domain.errors import Refused


@never_cache
@require_POST
def question(request: HttpRequest) -> HttpResponse:
    """For who is signed in, or half signed in, as JSON; 409 with the reason in words where there is none."""
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
