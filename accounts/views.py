"""The door: signing in and out, and choosing a tenant."""

from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms import SignInForm
from accounts.models import User
from accounts.operations import signing
from accounts.queries.people import tenants_of
from accounts.queries.waiting import waiting_by_tenant
from accounts.requests import whereabouts
from medical_audit import clock

BACKEND = "accounts.backends.PasswordBackend"


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """422 when it fails, with one answer for every cause."""
    goal = _safe_next(request)
    if request.method != "POST":
        if isinstance(request.user, User):
            return redirect(goal or "accounts:home")
        return render(request, "accounts/sign_in.html", {"form": SignInForm(), "next": goal})
    form = SignInForm(request.POST)
    if form.is_valid():
        where = whereabouts(request)
        user = signing.sign_in(
            form.cleaned_data["username"],
            form.cleaned_data["password"],
            now=clock.now(),
            address=where["address"],
            request=where["request"],
        )
        if user is not None:
            login(request, user, backend=BACKEND)
            return redirect(goal or "accounts:home")
        form.add_error(None, _("The user name or the password is not right."))
    return render(request, "accounts/sign_in.html", {"form": form, "next": goal}, status=422)


@never_cache
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, User):
        signing.sign_out(request.user, now=clock.now(), **whereabouts(request))
    logout(request)
    return redirect("accounts:signed-out")


@never_cache
@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/signed_out.html")


@never_cache
@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Somebody of one tenant goes straight to its Today."""
    assert isinstance(request.user, User)
    own = tenants_of(request.user)
    return redirect("infra:today", slug=own[0][0].slug) if len(own) == 1 else redirect("accounts:tenants")


@never_cache
@require_safe
@login_required
def tenants(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    own = tenants_of(request.user)
    waiting = waiting_by_tenant([tenant for tenant, _roles in own], request.user)
    rows = [
        {"tenant": tenant, "roles": roles, "running": None, "waiting": waiting.get(tenant.id), "wrong": None}
        for tenant, roles in own
    ]
    return render(request, "accounts/tenants.html", {"tenants": rows})


def _safe_next(request: HttpRequest) -> str:
    """Where to go afterwards: an address of this very host, or nowhere in particular."""
    given = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(
        given, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return given if ours else ""
