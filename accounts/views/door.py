"""The door: signing in and out, leaving the seat, one's own sessions, choosing a tenant; and there one's own inbox."""

from collections.abc import Callable, Sequence
from uuid import UUID

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms import SignInForm
from accounts.models import Tenant, User
from accounts.operations import entering, notices, second_factor, signing, signing_on
from accounts.queries.admissions import waiting_for_person
from accounts.queries.notices import (
    choice_of,
    head_seq,
    list_news,
    unread_count,
    waiting_for,
)
from accounts.queries.people import tenants_of
from accounts.queries.sign_on import name_of_provider
from accounts.queries.waiting import TENANTS_COUNTED, waiting_by_tenant
from accounts.requests import (
    LEFT_SEAT,
    SeatedRequest,
    TenantRequest,
    after_answer,
    origin_of,
    own_address,
    safe_next,
    seat_of,
    seat_taken,
    unseat,
    whereabouts,
)
from accounts.views.admissions import SHOWN
from accounts.views.second_factor import PROVIDER, begin_second_step, complete
from accounts.views.sign_on import offered_here
from medical_audit import clock
from medical_audit.domain.errors import Refused
from medical_audit.domain.seats import End
from medical_audit.forms import cursors_of, text_of
from medical_audit.models import Session
from medical_audit.operations.seats import ZONE
from medical_audit.queries.sessions import get_own_session, own_failures, own_sessions

#: Where somebody who has signed out ends the session at his identity provider, until he is shown it.
WAY_OUT = "way_out"


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page, or, where somebody left his seat, the page that waits for him. 422 when it fails, with one
    answer for every cause."""
    goal = safe_next(request)
    if request.method != "POST":
        if isinstance(request.user, User):
            return redirect(goal or "accounts:home")
        return _door(request, SignInForm(), goal)
    taken, given = seat_taken(request), request.POST.copy()
    if taken:
        given["username"] = taken["username"]
    form = SignInForm(given)
    if form.is_valid():
        return _check(request, form, goal)
    return _door(request, form, goal, status=422)


def _check(request: HttpRequest, form: SignInForm, goal: str) -> HttpResponse:
    now, origin = clock.now(), origin_of(request)
    username, password = form.cleaned_data["username"], form.cleaned_data["password"]
    rest: list[Callable[[], None]] = []
    try:
        user = signing.check_password(username, password, now=now, origin=origin, later=rest.append)
    except Refused as refused:
        return _wait(request, form, goal, refused)
    if user is None:
        wrong = (
            _("The password is not right.")
            if seat_taken(request)
            else _("The user name or the password is not right.")
        )
        form.add_error(None, wrong)
        return after_answer(_door(request, form, goal, status=422), rest)
    if second_factor.is_enrolled(user.id):
        return begin_second_step(request, user, goal, now)
    return complete(request, user, goal, signing.PASSWORD_ONLY, now, origin)


def _wait(request: HttpRequest, form: SignInForm, goal: str, refused: Refused) -> HttpResponse:
    """The door stays shut for a while, whoever it is."""
    seconds = int(str(refused.params["seconds"]))
    form.add_error(
        None,
        ngettext(
            "Too many wrong passwords. Try again in one minute.",
            "Too many wrong passwords. Try again in %(minutes)s minutes.",
            -(-seconds // 60),
        )
        % {"minutes": -(-seconds // 60)},
    )
    answer = _door(request, form, goal, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def _door(request: HttpRequest, form: SignInForm, goal: str, status: int = 200) -> HttpResponse:
    taken = seat_taken(request)
    kept = request.session.get(LEFT_SEAT) or {}
    context = {
        "form": form, "next": goal, "taken": taken, "ended": kept.get("end", ""), "offered": offered_here(request),
        "taken_via": name_of_provider(UUID(taken["via"])) if taken and taken.get("via") else "",
    }  # fmt: skip
    return render(request, f"accounts/{'locked' if taken else 'sign_in'}.html", context, status=status)


@never_cache
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session; where only a left seat waits, another person gets the door."""
    if not isinstance(request.user, User):
        logout(request)
        return redirect("accounts:sign-in")
    signing.leave(request.user, End.SIGNED_OUT, now=clock.now(), **whereabouts(request))
    word = request.session.get(PROVIDER)
    logout(request)
    if word:
        home = f"{own_address(request)}{resolve_url('accounts:signed-out')}"
        place = signing_on.way_out(UUID(word["tenant"]), word["hint"], home)
        request.session[WAY_OUT] = (
            {"url": place, "name": name_of_provider(UUID(word["tenant"]))} if place else None
        )
    return redirect("accounts:signed-out")


@never_cache
@require_POST
def lock(request: SeatedRequest) -> HttpResponse:
    """離席: the session ends here and now; the same person goes on where he was, after giving his password."""
    if isinstance(request.user, User):
        signing.leave(request.user, End.LEFT_SEAT, now=clock.now(), **whereabouts(request))
        unseat(request, End.LEFT_SEAT)
    goal = safe_next(request)
    door = resolve_url("accounts:sign-in")
    return redirect(f"{door}?{urlencode({'next': goal})}" if goal else door)


@never_cache
@require_safe
def seat(request: HttpRequest) -> HttpResponse:
    """A page asks whether its session holds, or says that somebody is typing; 401 when the seat was left."""
    if isinstance(request.user, User):
        return HttpResponse(status=204)
    return HttpResponse(status=401, headers={"WWW-Authenticate": "Session"})


@never_cache
@require_safe
@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """One's own: where one is and was signed in."""
    assert isinstance(request.user, User)
    now = clock.now()
    context = {
        "rows": own_sessions(request.user.id, via=request.seat.via),  # type: ignore[attr-defined]
        "own": whereabouts(request)["session"],
        "failures": own_failures(request.user.id, now.astimezone(ZONE).date().replace(day=1)),
        "now": now,
    }
    return render(request, "accounts/sessions.html", context)


@never_cache
@require_POST
@login_required
def session_end(request: SeatedRequest, pk: UUID) -> HttpResponse:
    """Ends one's own session at another place."""
    assert isinstance(request.user, User)
    where = whereabouts(request)
    session = get_own_session(request.user.id, pk, via=seat_of(request).via)
    signing.leave(request.user, End.SIGNED_OUT, now=clock.now(), **(where | {"session": session.name}))
    return redirect("accounts:sessions")


@never_cache
@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    """Where the identity provider ends its own session, too, there is a way to that."""
    context = {"way_out": request.session.pop(WAY_OUT, None)}
    return render(request, "accounts/signed_out.html", context)


@never_cache
@require_safe
@login_required
def home(request: SeatedRequest) -> HttpResponse:
    """Somebody of one tenant goes straight to its Today; whom a tenant asks something is led there first, once."""
    assert isinstance(request.user, User)
    own = tenants_of(request.user, via=seat_of(request).via)
    if SHOWN not in request.session and asked_of(request):
        return redirect("accounts:admissions")
    return redirect("infra:today", slug=own[0][0].slug) if len(own) == 1 else redirect("accounts:tenants")


@never_cache
@require_safe
@login_required
def tenants(request: SeatedRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    seat = seat_of(request)
    own = tenants_of(request.user, via=seat.via)
    waiting = _waiting([tenant for tenant, _roles in own], request.user, seat)
    rows = [
        {"tenant": tenant, "roles": roles, "running": None, "waiting": waiting.get(tenant.id), "wrong": None}
        for tenant, roles in own
    ]
    return render(request, "accounts/tenants.html", {"tenants": rows, "admissions": asked_of(request)})


def _waiting(own: Sequence[Tenant], user: User, seat: Session) -> dict[UUID, int]:
    """What waits in those tenants into which this session leads; of one that keeps it out nothing is told."""
    if len(own) > TENANTS_COUNTED:
        return {}
    now = clock.now()
    return waiting_by_tenant([one for one in own if entering.leads_into(user, one, seat, now=now)], user)


def asked_of(request: SeatedRequest) -> int:
    """How many tenants wait for this person's answer, as far as this session is told."""
    assert isinstance(request.user, User)
    told = seat_of(request).via is None
    return len(waiting_for_person(request.user.id, now=clock.now())) if told else 0


@require_safe
def inbox(request: TenantRequest, slug: str) -> HttpResponse:
    """What happened and what waits for this person; reading it marks nothing, pressing the button does."""
    choice = choice_of(request.actor)
    page = list_news(choice, cursors_of(request.GET), actor=request.actor, now=request.now)
    waiting, total = waiting_for(request.actor, choice.inbox, choice.seen_seq, now=request.now)
    context = {
        "rows": page.rows,
        "page": page,
        "waiting": waiting,
        "waiting_total": total,
        "up_to": head_seq(),
        "choice": choice,
        "unread": unread_count(request.actor, request.now),
        "admissions": asked_of(request),
    }
    return render(request, "accounts/inbox.html", context)


@require_POST
def inbox_read(request: TenantRequest, slug: str) -> HttpResponse:
    """Everything that the page showed is read."""
    text = text_of(request.POST, "up_to", 18)
    notices.mark_read(
        int(text) if text.isascii() and text.isdigit() else 0, actor=request.actor, now=request.now
    )
    return redirect("inbox:list", slug=slug)
