"""The second factor: the second step at the door, and taking an authenticator app in, renewing codes, taking it away."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import segno
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.forms import AppForm, CodeForm, PasskeyForm, ProofForm
from accounts.models import User
from accounts.operations import passkeys, second_factor, signing
from accounts.queries.people import person_without_tenant
from accounts.requests import (
    LEFT_SEAT,
    make_known,
    origin_of,
    own_address,
    seat_taken,
    session_name,
    whereabouts,
)
from medical_audit import clock
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound, NotReauthenticated, Refused
from medical_audit.domain.seats import End, Origin
from medical_audit.forms import not_proven

BACKEND = "accounts.backends.PasswordBackend"
#: Where a browser keeps, in its own session, who has given his password and not yet his code.
HALF = "half_signed_in"
#: The secret of an app that has not shown a code yet.
OFFERED = "offered_secret"
#: Whose identity provider vouched for this browser's session, and its token, sealed, to sign out there too.
PROVIDER = "signed_on_by"
HALF_HOLDS = timedelta(minutes=5)


def begin_second_step(
    request: HttpRequest, user: User, goal: str, now: datetime, word: dict[str, Any] | None = None
) -> HttpResponse:
    """The password was right, or a provider vouched (`word`: in what way); whoever it is, is asked for the code of his app."""
    request.session[HALF] = {
        "user": str(user.id), "at": now.isoformat(), "next": goal, "word": word, "rests": user.get_session_auth_hash(),
    }  # fmt: skip
    return redirect("accounts:second-step")


def complete(
    request: HttpRequest,
    user: User,
    goal: str,
    factors: tuple[str, ...],
    now: datetime,
    origin: Origin,
    word: dict[str, Any] | None = None,
) -> HttpResponse:
    """Everything was proven: the session begins. `word`: of the identity provider that vouched, None for a password."""
    taken = seat_taken(request)
    if taken and taken["user"] != str(user.id):
        taken = None
    for name in (LEFT_SEAT, HALF):
        request.session.pop(name, None)
    if isinstance(request.user, User):
        # Whoever sits here already gets a session of its own: the one before ends.
        signing.leave(request.user, End.SIGNED_OUT, now=now, **whereabouts(request))
        request.session.flush()
    login(request, user, backend=BACKEND)
    name = session_name(request.session.session_key or "")
    resumed = taken["session"] if taken else ""
    if word is None:
        signing.sign_in(user, session=name, origin=origin, now=now, resumed_from=resumed, factors=factors)
    else:
        request.session[PROVIDER] = {"tenant": word["via"], "hint": word["hint"]}
        signing.sign_in(
            user, session=name, origin=origin, now=now, resumed_from=resumed, factors=factors, method="sso",
            via=UUID(word["via"]), claims=word["claims"],
        )  # fmt: skip
    answer = redirect(goal or "accounts:home")
    if word is None:
        make_known(request, answer, user)
    return answer


@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """The code of the app, or one from paper; 422 when it is not right."""
    now, origin = clock.now(), origin_of(request)
    user, goal = half_signed_in(request, now)
    if user is None:
        return redirect("accounts:sign-in")
    form = CodeForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                factor = signing.check_code(user, form.cleaned_data["code"], now=now, origin=origin)
            except Refused:
                status = 429
                form.add_error("code", _("Too many wrong codes. Wait a few minutes, then try again."))
            else:
                if factor:
                    word = request.session[HALF].get("word")
                    first = tuple(word["factors"]) if word else signing.PASSWORD_ONLY
                    return complete(request, user, goal, (*first, factor), now, origin, word)
                form.add_error("code", _("The code is not right."))
    context = {"form": form, "passkeys_here": passkeys.count_here(user.id, own_address(request))}
    return render(request, "accounts/second_step.html", context, status=status)


def half_signed_in(request: HttpRequest, now: datetime) -> tuple[User | None, str]:
    """Who has given his password and not yet his second factor, and where he wanted to go."""
    kept = request.session.get(HALF)
    if not kept or now - datetime.fromisoformat(kept["at"]) > HALF_HOLDS:
        return None, ""
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    # A password that was changed meanwhile begins no session any more.
    if user is None or not constant_time_compare(str(kept.get("rests", "")), user.get_session_auth_hash()):
        return None, ""
    return user, str(kept["next"])


@sensitive_post_parameters("password", "code", "proof", "answer")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def own_factor(request: HttpRequest) -> HttpResponse:
    """One's own second factor: app, passkeys, and how many codes on paper are left.

    A POST takes an app in (`then=app`) or a passkey (`passkey`), makes new codes on paper (`renew`), takes the app away
    (`remove`) or one passkey (its id); each takes the password and, of who has a factor already, that as well.
    """
    assert isinstance(request.user, User)
    user, then = request.user, request.POST.get("then", "")
    if request.method != "POST":
        return page(request, user)
    doing: Callable[[HttpRequest, User, str, datetime], HttpResponse] = {
        "app": _take_app_in, "passkey": _take_passkey_in,
    }.get(then, _change)  # fmt: skip
    return doing(request, user, then, clock.now())


def _take_app_in(request: HttpRequest, user: User, _then: str, now: datetime) -> HttpResponse:
    on = is_signed_on(request)
    form, secret = AppForm(request.POST, auto_id="app_%s", signed_on=on), request.session.get(OFFERED, "")
    if form.is_valid() and secret:
        given, person = form.cleaned_data, person_of(request, user)
        try:
            proof = signing.reauthenticate(
                user, given["password"], given["proof"], actor=person, now=now, signed_on=on
            )
            codes = second_factor.enrol(user, secret, given["code"], actor=person, now=now, proof=proof)
        except NotReauthenticated as wrong:
            _said_at(form, "proof", wrong)
        except Refused as refused:
            form.refused = refused.code
        else:
            request.session.pop(OFFERED)
            return _in_use(request, user, codes)
    return page(request, user, app_form=form, status=422)


def _take_passkey_in(request: HttpRequest, user: User, _then: str, now: datetime) -> HttpResponse:
    on = is_signed_on(request)
    form = PasskeyForm(request.POST, auto_id="key_%s", signed_on=on)
    if form.is_valid():
        given, person = form.cleaned_data, person_of(request, user)
        try:
            proof = signing.reauthenticate(
                user, given["password"], given["code"], actor=person, now=now, signed_on=on
            )
            codes = second_factor.enrol_passkey(
                user, given["name"], given["answer"], actor=person, now=now, proof=proof
            )
        except NotReauthenticated as wrong:
            _said_at(form, "code", wrong)
        except Refused as refused:
            form.refused = refused.code
        else:
            return _in_use(request, user, codes)
    return page(request, user, key_form=form, status=422)


def _in_use(request: HttpRequest, user: User, codes: list[str]) -> HttpResponse:
    """Codes on paper are shown at once; without new ones the page is simply there again."""
    if codes:
        return page(request, user, codes=codes)
    messages.success(request, _("It is in use now."))
    return redirect("accounts:second-factor")


def _change(request: HttpRequest, user: User, then: str, now: datetime) -> HttpResponse:
    on = is_signed_on(request)
    form = ProofForm(request.POST, auto_id="change_%s", signed_on=on)
    if not form.is_valid():
        return page(request, user, form=form, status=422)
    person, given = person_of(request, user), form.cleaned_data
    try:
        proof = signing.reauthenticate(
            user, given["password"], given["code"], actor=person, now=now, signed_on=on
        )
        if then == "renew":
            codes = second_factor.renew_codes(user, actor=person, now=now, proof=proof)
            return page(request, user, codes=codes)
        if then == "remove":
            second_factor.remove(user, given["password"], actor=person, now=now, proof=proof)
        else:
            second_factor.remove_passkey(
                user, _id_of(then), given["password"], actor=person, now=now, proof=proof
            )
    except NotReauthenticated as wrong:
        _said_at(form, "code", wrong)
    except Refused as refused:
        form.refused = refused.code
    except NotFound as missing:
        raise Http404 from missing
    else:
        messages.success(request, _("It is taken away and lets nobody in any more."))
        return redirect("accounts:second-factor")
    return page(request, user, form=form, status=422)


def _said_at(form: ProofForm, code: str, wrong: NotReauthenticated) -> None:
    """What was not proven, at its own field; `code`: the field of the factor."""
    field, said = not_proven(wrong.code)
    form.add_error(code if field == "code" else field, said)


def is_signed_on(request: HttpRequest) -> bool:
    """Whether an identity provider vouched for this session of somebody who has no password here to prove himself with."""
    user = request.user
    return (
        bool(getattr(request, "signed_on", False))
        and isinstance(user, User)
        and not user.has_usable_password()
    )


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as no_id:
        raise NotFound(type="passkey") from no_id


def page(
    request: HttpRequest,
    user: User,
    *,
    form: ProofForm | None = None,
    app_form: AppForm | None = None,
    key_form: PasskeyForm | None = None,
    codes: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The person's factors; of the forms at most one was sent and is shown again."""
    has_app, keys = second_factor.has_app(user.id), passkeys.list_own(user.id)
    context: dict[str, object] = {
        "has_app": has_app,
        "keys": keys,
        "enrolled": has_app or bool(keys),
        "left": second_factor.codes_left(user.id),
        "form": form or ProofForm(auto_id="change_%s", signed_on=is_signed_on(request)),
        "app_form": app_form or AppForm(auto_id="app_%s", signed_on=is_signed_on(request)),
        "key_form": key_form or PasskeyForm(auto_id="key_%s", signed_on=is_signed_on(request)),
        "codes": codes or [],
        "named_host": passkeys.host_of(own_address(request)),
        "passkeys_here": passkeys.count_here(user.id, own_address(request)),
    }
    if not is_signed_on(request):
        context["signed_on"] = None
    if not has_app:
        secret = request.session.setdefault(OFFERED, second_factor.new_secret())
        qr = segno.make(second_factor.address_of(secret, user), error="m")
        context |= {"secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))}
        context |= {"modules": qr.symbol_size(1, 0)[0], "path": _path(qr)}
    return render(request, "accounts/second_factor.html", context, status=status)


def _path(qr: segno.QRCode) -> str:
    """The dark squares as one SVG path, so that nothing is inline but a shape."""
    return "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(qr.matrix) for x, dark in enumerate(row) if dark
    )


def person_of(request: HttpRequest, user: User) -> Actor:
    """The person as actor without a tenant."""
    return person_without_tenant(user, user.name, **whereabouts(request))
