"""The only place where a page or API call enters a tenant: slug in the URL, membership checked, scope opened."""

from collections.abc import Callable
from functools import partial

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import resolve
from django.urls.exceptions import Resolver404
from django.utils.cache import patch_cache_control

from accounts.models import User
from accounts.operations.signing import reauthenticate
from accounts.queries.people import actor_in, get_tenant
from accounts.requests import whereabouts
from medical_audit import clock
from medical_audit.domain.errors import NotFound
from medical_audit.tenancy import tenant_scope


class TenantMiddleware:
    """Every URL with a `slug` argument: a signed-in member gets `request.actor`, `request.tenant`, `request.now` and
    `request.reauthenticate`, inside the scope; nobody else reaches a page. A foreign tenant is a missing one.

    Somebody not signed in is sent to sign in, whatever the slug; an API call goes on without an actor, to be answered
    by REST framework's own login check.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        slug = _slug(request)
        if slug is None:
            return self.get_response(request)
        user = getattr(request, "user", None)
        if not isinstance(user, User):
            return self.get_response(request) if request.path.startswith("/api/") else _to_sign_in(request)
        try:
            response = self._inside(request, slug, user)
        except NotFound as missing:
            raise Http404 from missing
        patch_cache_control(response, private=True, no_store=True)
        return response

    def _inside(self, request: HttpRequest, slug: str, user: User) -> HttpResponseBase:
        tenant = get_tenant(slug)
        with tenant_scope(tenant.id, user_id=user.id):
            actor, now = actor_in(tenant, user, **whereabouts(request)), clock.now()
            request.tenant, request.actor, request.now = tenant, actor, now  # type: ignore[attr-defined]
            request.reauthenticate = partial(reauthenticate, user, actor=actor, now=now)  # type: ignore[attr-defined]
            return self.get_response(request)


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Back to the same page afterwards, if it can be asked for again; a page's own polling moves the whole page."""
    here = request.get_full_path() if request.method in ("GET", "HEAD") else resolve_url("accounts:home")
    if not request.headers.get("HX-Request"):
        return redirect_to_login(here)
    try:
        page = request.htmx.current_url_abs_path  # type: ignore[attr-defined]
    except ValueError:
        page = None  # the header is no address
    answer = redirect_to_login(page or resolve_url("accounts:home"))
    return HttpResponse(headers={"HX-Redirect": answer.url})


def _slug(request: HttpRequest) -> str | None:
    try:
        return resolve(request.path_info).kwargs.get("slug")
    except Resolver404:
        return None
