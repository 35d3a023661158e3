"""The only place where a page or API call enters a tenant: slug in the URL, membership checked, scope opened."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import resolve
from django.urls.exceptions import Resolver404

from accounts.models import Tenant, User
from accounts.queries.people import actor_in, get_tenant
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.tenancy import tenant_scope


class TenantRequest(HttpRequest):
    """What views under a tenant's URL receive."""

    actor: Actor
    tenant: Tenant
    user: User


class TenantMiddleware:
    """Every URL with a `slug` argument: a signed-in member gets `request.actor` and `request.tenant`, inside the scope.

    Somebody not signed in goes on without them (the view's login check answers); a foreign tenant raises NotFound.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        slug = _slug(request)
        user = getattr(request, "user", None)
        if slug is None or not isinstance(user, User):
            return self.get_response(request)
        try:
            tenant = get_tenant(slug)
            with tenant_scope(tenant.id, user_id=user.id):
                request.tenant = tenant  # type: ignore[attr-defined]
                request.actor = actor_in(tenant, user, **whereabouts(request))  # type: ignore[attr-defined]
                return self.get_response(request)
        except NotFound as missing:
            raise Http404 from missing


def whereabouts(request: HttpRequest) -> dict[str, str]:
    """Session, address and request id, as they stand in the ledger."""
    return {
        "session": getattr(request.session, "session_key", "") or "",
        "address": request.META.get("REMOTE_ADDR", ""),
        "request": getattr(request, "request_id", ""),
    }


def _slug(request: HttpRequest) -> str | None:
    try:
        return resolve(request.path_info).kwargs.get("slug")
    except Resolver404:
        return None
