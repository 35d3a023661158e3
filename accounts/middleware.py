"""Whether the session still holds, and the only place where a page or API call enters a tenant."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.contrib.sessions.backends.db import SessionStore
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import resolve
from django.urls.exceptions import Resolver404
from django.utils.cache import patch_cache_control
from django.utils.http import urlencode

from accounts.models import Tenant, User
from accounts.operations import entering, signing, tokens
from accounts.queries.people import actor_in, get_tenant, person_without_tenant
from accounts.queries.sign_on import name_of_provider
from accounts.requests import (
    SeatedRequest,
    TenantRequest,
    is_polling,
    seat_left,
    seat_of,
    unseat,
    whereabouts,
)
from medical_audit import clock
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.domain.seats import End
from medical_audit.models import Session
from medical_audit.operations import seats
from medical_audit.operations.auditing import note_refusal
from medical_audit.queries.policies import Policy, policy_here
from medical_audit.tenancy import platform_scope, tenant_scope

#: How many seconds the session still holds; pages count down from it, whoever did something in another window.
LEFT = "Toban-Seat-Left"


class TokenMiddleware:
    """An API call that carries a token is its person's, whatever cookies came along; pages know no tokens.

    `request.token` is the token or None, `request.token_refused` why a token that was sent lets nobody in, or "".
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: SeatedRequest) -> HttpResponseBase:
        request.token, request.token_refused = None, ""
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        if not request.path.startswith("/api/") or scheme.lower() != "bearer":
            return self.get_response(request)
        request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        request.session, request.user = SessionStore(), AnonymousUser()
        found = tokens.admit(text.strip(), address=whereabouts(request)["address"], now=clock.now())
        if isinstance(found, str):
            request.token_refused = found
            return self.get_response(request)
        request.token, request.user = found.token, found.user
        with platform_scope(user_id=found.user.id):
            return self.get_response(request)


class SeatMiddleware:
    """A signed-in browser is let on only while its session holds; otherwise it is nobody's, and knows why.

    `request.seat` is the session, or None. What is not in the table of sessions is no session.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: SeatedRequest) -> HttpResponseBase:
        request.seat, request.signed_on = None, False
        if request.path in settings.PROBES or not request.session.get(SESSION_KEY):
            return self.get_response(request)
        now = clock.now()
        session = self._session(request)
        how = End.FORCED if session is None else self._attend(request, session, now)
        if how is not None:
            request.seat = session
            self._over(request, how, now)
            return self.get_response(request)
        assert session is not None
        request.seat, request.signed_on = session, session.via is not None
        response = self.get_response(request)
        if request.seat is not None:
            response[LEFT] = str(int(seat_left(request, now).total_seconds()))
        return response

    @staticmethod
    def _attend(request: SeatedRequest, session: Session, now: datetime) -> End | None:
        assert isinstance(request.user, User)
        actor = person_without_tenant(request.user, request.user.name, **whereabouts(request))
        return seats.attend(session, actor=actor, polling=is_polling(request), now=now)

    @staticmethod
    def _session(request: SeatedRequest) -> Session | None:
        if not isinstance(request.user, User):
            return None
        name = whereabouts(request)["session"]
        return Session.objects.filter(user_id=request.user.id, name=name).first()

    @staticmethod
    def _over(request: SeatedRequest, how: End, now: datetime) -> None:
        """The session ended by itself, or somebody ended it, or the person has no account any more."""
        where = whereabouts(request)
        if isinstance(request.user, User):
            signing.leave(request.user, how, now=now, **where)
        else:
            signing.close_account_session(UUID(request.session[SESSION_KEY]), where["session"], now=now)
        unseat(request, how)


class TenantMiddleware:
    """Every URL with a `slug` argument: a signed-in member gets `request.actor`, `request.tenant`, `request.now` and
    `request.reauthenticate`, inside the scope; nobody else reaches a page. A foreign tenant is a missing one.

    Somebody not signed in is sent to sign in, whatever the slug; an API call goes on without an actor, to be answered
    by REST framework's own login check.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: TenantRequest) -> HttpResponseBase:
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
        except seats.SeatLost as lost:
            unseat(request, lost.how)
            return self(request)
        patch_cache_control(response, private=True, no_store=True)
        return response

    def _inside(self, request: TenantRequest, slug: str, user: User) -> HttpResponseBase:
        tenant = get_tenant(slug)
        with tenant_scope(tenant.id, user_id=user.id):
            actor, now = actor_in(tenant, user, **whereabouts(request)), clock.now()
            token = request.token
            seat = request.seat
            if token is None:
                if why := entering.closed_door(user, tenant, seat):
                    return self._kept_out(request, why, tenant, actor, now)
                policy = self._sits_here(request, actor, now)
            elif token.tenant_id == tenant.id:
                actor, policy = tokens.narrowed(actor, token), policy_here()
            else:
                raise NotFound(type="tenant")
            if entering.lacks_factor(user, tenant, policy, seat=seat, token=token, now=now):
                note_kept_out(request, "second_factor_missing", actor, now)
                return self._without_factor(request)
            grace = policy.grace if seat is not None else timedelta()
            # Whoever sends a call is no page at which somebody has just typed his password.
            by_page = seat is not None and not request.path.startswith("/api/")
            proved_at = seat.proved_at if seat is not None and by_page else None
            recently = proved_at is not None and grace > timedelta() and now - proved_at <= grace
            request.tenant, request.actor, request.now = tenant, actor, now
            request.proved_recently = recently
            request.prove_anew = partial(
                signing.reauthenticate,
                user,
                actor=actor,
                now=now,
                by_token=token is not None,
                signed_on=seat is not None and seat.via is not None,
            )
            request.reauthenticate = partial(request.prove_anew, recently=recently)
            return self.get_response(request)

    @staticmethod
    def _sits_here(request: SeatedRequest, actor: Actor, now: datetime) -> Policy:
        """Note the session in this tenant; gives what the tenant decided."""
        return seats.enter_tenant(seat_of(request), actor=actor, polling=is_polling(request), now=now)

    def _kept_out(
        self, request: SeatedRequest, why: str, tenant: Tenant, actor: Actor, now: datetime
    ) -> HttpResponseBase:
        """A member, who came in by a way that does not lead here: the page names the one that does."""
        note_kept_out(request, why, actor, now)
        if request.path.startswith("/api/"):
            request.kept_out = why
            return self.get_response(request)
        context = {
            "why": why, "house": tenant, "provider": name_of_provider(tenant.id), "goal": request.get_full_path(),
        }  # fmt: skip
        return render(request, "accounts/sign_on_needed.html", context, status=403)

    def _without_factor(self, request: SeatedRequest) -> HttpResponseBase:
        """The tenant lets nobody in with a password alone any more: a page leads to where an app is taken in."""
        if request.path.startswith("/api/"):
            request.kept_out = "second_factor_missing"
            return self.get_response(request)
        return redirect(f"{resolve_url('accounts:second-factor')}?{urlencode({'required': 'yes'})}")


def note_kept_out(request: SeatedRequest, why: str, actor: Actor, now: datetime) -> None:
    """That a member was not let in is an event, but not each time that a page of his asks by itself."""
    if not is_polling(request):
        note_refusal(resolve(request.path_info).view_name, why, "", actor=actor, now=now)


def _to_sign_in(request: SeatedRequest) -> HttpResponseBase:
    """Back to the same page afterwards, if it can be asked for again; a page's own polling moves the whole page."""
    here = request.get_full_path() if request.method in ("GET", "HEAD") else resolve_url("accounts:home")
    if not request.headers.get("HX-Request"):
        return redirect_to_login(here)
    try:
        page = request.htmx.current_url_abs_path
    except ValueError:
        page = None  # the header is no address
    answer = redirect_to_login(page or resolve_url("accounts:home"))
    return HttpResponse(headers={"HX-Redirect": answer.url})


def _slug(request: HttpRequest) -> str | None:
    try:
        return resolve(request.path_info).kwargs.get("slug")
    except Resolver404:
        return None
