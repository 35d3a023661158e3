"""What a view under a tenant's address receives, and where a request came from."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails
from ua_parser import parse

from accounts.domain.addresses import client_address
from accounts.models import ApiToken, Tenant, User
from medical_audit.domain.seats import RESUMABLE, End, Origin, left
from medical_audit.models import Session
from medical_audit.requests import TenantRequest as RequestOfTenant

log = structlog.get_logger(__name__)
#: Where a browser keeps, in its own session, whose seat it was.
LEFT_SEAT = "left_seat"


#: By which a browser is known to the people who signed in with it; it opens nothing, it only keeps strangers from shutting it.
KNOWN = "toban_browser"
KNOWN_HOLDS_S = 180 * 24 * 3600
#: At a terminal of many: the last ones.
KNOWN_PEOPLE = 20


class SeatedRequest(HttpRequest):
    """What this floor's middleware puts on every request.

    `token`: of an API call that carries one, `token_refused`: why one that was sent lets nobody in. `seat`: the session of who is
    signed in, `signed_on`: an identity provider vouched for it. `kept_out`: why an API call of a member does not lead in, or "".
    """

    user: User | AnonymousUser
    request_id: str
    htmx: HtmxDetails
    token: ApiToken | None
    token_refused: str
    seat: Session | None
    signed_on: bool
    kept_out: str


class TenantRequest(RequestOfTenant, SeatedRequest):
    tenant: Tenant
    user: User


def seat_of(request: SeatedRequest) -> Session:
    """The session of somebody who is signed in: nobody is without one."""
    assert request.seat is not None
    return request.seat


def session_name(key: str) -> str:
    """A name for a session, never its key: who reads the ledger must not be able to take a session over."""
    return hashlib.sha256(f"toban-session:{key}".encode()).hexdigest()[:16] if key else ""


def whereabouts(request: HttpRequest) -> dict[str, str]:
    """Session, address and request id, as they stand in the ledger."""
    return {
        "session": session_name(getattr(request.session, "session_key", "") or ""),
        "address": _address(request),
        "request": getattr(request, "request_id", ""),
    }


def own_address(request: HttpRequest) -> str:
    """Scheme and host under which the browser sees the portal: its origin, as RFC 6454 means it."""
    return f"{request.scheme}://{request.get_host()}"


def origin_of(request: HttpRequest) -> Origin:
    """Address (resolved, and raw as it was claimed) and device of a request."""
    user_agent = request.META.get("HTTP_USER_AGENT", "")[:300]
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    peer = request.META.get("REMOTE_ADDR", "")
    return Origin(
        address=_address(request),
        raw=f"{peer} ({forwarded})" if forwarded else peer,
        device=device_of(user_agent),
        user_agent=user_agent,
        request=getattr(request, "request_id", ""),
        **_browser_of(request),
    )


def _browser_of(request: HttpRequest) -> dict[str, Any]:
    try:
        read = signing.loads(request.COOKIES.get(KNOWN, ""), salt=KNOWN, max_age=KNOWN_HOLDS_S)
    except signing.BadSignature:
        return {}
    return {"browser": str(read["name"]), "people": frozenset(read["people"])}


def make_known(request: HttpRequest, answer: HttpResponse, user: User) -> None:
    """This person proved himself with this browser, by his own password: it is known to him from now on."""
    before = origin_of(request)
    people = [*(before.people - {str(user.id)}), str(user.id)][-KNOWN_PEOPLE:]
    kept = {"name": before.browser or secrets.token_hex(8), "people": people}
    answer.set_cookie(
        KNOWN, signing.dumps(kept, salt=KNOWN), max_age=KNOWN_HOLDS_S, secure=request.is_secure(), httponly=True,
        samesite="Lax",
    )  # fmt: skip


def after_answer(answer: HttpResponse, acts: Sequence[Callable[[], None]]) -> HttpResponse:
    """Do these when the whole answer has gone out: how long they take says nothing to who waits for it."""

    def act() -> None:
        for one in acts:
            try:
                one()
            except Exception:
                log.exception("not_done_after_the_answer")

    answer._resource_closers.append(act)  # type: ignore[attr-defined]
    return answer


def device_of(user_agent: str) -> str:
    """The browser and the system in words ("Chrome 130 / Windows 10"); what nobody knows stays empty."""
    found = parse(user_agent)
    browser, system = found.user_agent, found.os
    words = (
        " ".join(filter(None, (browser.family, browser.major))) if browser else "",
        " ".join(filter(None, (system.family, system.major))) if system else "",
    )
    return " / ".join(filter(None, words))[:100]


def is_polling(request: HttpRequest) -> bool:
    """The page refreshes itself; no person did anything."""
    return request.headers.get("Toban-Poll") == "1"


def unseat(request: SeatedRequest, how: End) -> None:
    """The browser is nobody's from here on; it keeps whose seat it was and how it was left, to ask for the password."""
    user, where, seat = request.user, whereabouts(request), request.seat
    request.session.flush()
    request.user = AnonymousUser()
    request.seat = None
    if isinstance(user, User):
        request.session[LEFT_SEAT] = {
            "user": str(user.id),
            "username": user.username,
            "name": user.name,
            "session": where["session"],
            "via": str(seat.via) if seat is not None and seat.via is not None else "",
            "end": str(how),
        }


def seat_taken(request: HttpRequest) -> dict[str, str] | None:
    """Whose seat this browser was, if it waits for exactly him to come back."""
    kept: dict[str, str] | None = request.session.get(LEFT_SEAT)
    return kept if kept and kept["end"] in RESUMABLE else None


def seat_left(request: SeatedRequest, now: datetime) -> timedelta:
    """How long this request's session still holds if nobody does anything."""
    seat = seat_of(request)
    idle = timedelta(seconds=seat.idle_s)
    return left(started_at=seat.started_at, active_at=seat.active_at, idle=idle, now=now)


def _address(request: HttpRequest) -> str:
    return client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.META.get("HTTP_X_FORWARDED_FOR", ""),
        settings.TRUSTED_PROXIES,
    )


def safe_next(request: HttpRequest) -> str:
    """Where to go afterwards: a path of this very host, or nowhere in particular. What is no path could be the name of a view."""
    given = request.POST.get("next") or request.GET.get("next") or ""
    ours = given.startswith("/") and url_has_allowed_host_and_scheme(
        given, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return given if ours else ""
