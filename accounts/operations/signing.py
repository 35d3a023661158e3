"""Signing in, leaving and taking up a seat, signing out, and proving again who sits at the keyboard."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from django.contrib.auth import authenticate
from django.contrib.auth.hashers import check_password as check_hash
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Exists

from accounts.domain.passwords import is_like
from accounts.domain.terms import AccountKind
from accounts.models import Membership, MemberTerms, User
from accounts.operations import guarding, second_factor
from accounts.operations.ending_tokens import end_tokens_made_alone
from accounts.queries.people import name_to_keep, person_without_tenant
from accounts.queries.terms import outside_of_own, over_of_own
from accounts.validators import UNREADABLE
from medical_audit.domain.actor import NO_TENANT, Actor, Reauthentication, Subject
from medical_audit.domain.errors import NotReauthenticated, Refused
from medical_audit.domain.seats import End, Origin
from medical_audit.models import Session
from medical_audit.operations import seats
from medical_audit.operations.authorising import check_proof
from medical_audit.operations.ledger import record
from medical_audit.queries.emergencies import open_right
from medical_audit.tenancy import platform_scope, tenant_scope

PASSWORD_ONLY: Final = ("pwd",)
#: Takes what is to be done when the answer has gone out.
Later = Callable[[Callable[[], None]], object]


def check_password(
    username: str, password: str, *, now: datetime, origin: Origin, later: Later | None = None
) -> User | None:
    """The person whose password this is; a failure is recorded and counted by account and place.

    None is the same answer for a wrong password and an unknown user, after the same work; so is Refused (too_many_tries) after many of
    them. `later`: is given what remains to be done of somebody known, his tenants' own records, for when the answer has gone out;
    without it that is done at once.
    """
    known = User.objects.filter(username__iexact=username).first()
    own = _own(known, origin)
    wait = guarding.wait_of(known, username, origin.address, now=now, own=own)
    if wait:
        raise Refused("too_many_tries", seconds=int(wait.total_seconds()) + 1)
    user = authenticate(username=username, password=password)
    if isinstance(user, User):
        if not second_factor.is_enrolled(user.id):  # else only the code forgives: it is what would be guessed
            guarding.succeeded(user, origin.address, own)
        return user
    rest = _failed(username, now=now, origin=origin)
    later(rest) if later is not None else rest()
    return None


def check_code(user: User, code: str, *, now: datetime, origin: Origin) -> str:
    """How the code of somebody whose password was right proves him ("otp", "recovery"), or "".

    A failure is recorded and counted like a wrong password. Raises Refused (too_many_tries).
    """
    person = person_without_tenant(
        user, user.name, session="", address=origin.address, request=origin.request
    )
    own = _own(user, origin)
    guarding.refuse_too_many(user, actor=person, now=now, own=own)
    factor = second_factor.prove(user, code, actor=person, now=now)
    if factor:
        guarding.succeeded(user, origin.address, own)
    else:
        _failed(user.username, now=now, origin=origin, method="code")()
    return factor


def _own(user: User | None, origin: Origin) -> str:
    return guarding.own_browser(origin.browser_of(str(user.id))) if user is not None else ""


def _failed(username: str, *, now: datetime, origin: Origin, method: str = "password") -> Callable[[], None]:
    """In the platform's ledger at once; what is given back writes it into the ledger of each tenant of somebody known, whose auditors
    ask for it.

    Who tried is not known, only whose name was given: the actor has no id.
    """
    known = User.objects.filter(username__iexact=username).first()
    actor = person_without_tenant(
        None, name_to_keep(username), session="", address=origin.address, request=origin.request
    )
    subject = Subject(type="user", id=str(known.id) if known else "", name=actor.name)
    detail: dict[str, object] = {"method": method, "address": origin.address, "device": origin.device}
    record("session.failed", actor=actor, subject=subject, now=now, outcome="failed", detail=detail)
    shut = guarding.failed(known, username, actor=actor, now=now, own=_own(known, origin))

    def tell_tenants() -> None:
        if known is not None:
            _tell_tenants("session.failed", known, actor, subject, detail, now)
            if shut:
                _tell_tenants("session.shut_out", known, actor, subject, shut, now)

    return tell_tenants


def _tell_tenants(
    kind: str, known: User, actor: Actor, subject: Subject, detail: dict[str, object], now: datetime
) -> None:
    with platform_scope(user_id=known.id):
        own = Membership.own.filter(user=known).exclude(Exists(outside_of_own()))
        tenants = sorted(set(own.values_list("tenant_id", flat=True)))
    for tenant_id in tenants:
        here = replace(actor, tenant_id=tenant_id)
        with tenant_scope(tenant_id):
            record(kind, actor=here, subject=subject, now=now, outcome="failed", detail=detail)


def sign_in(
    user: User,
    *,
    session: str,
    origin: Origin,
    now: datetime,
    resumed_from: str = "",
    factors: Sequence[str] = PASSWORD_ONLY,
    method: str = "password",
    via: UUID | None = None,
    claims: Mapping[str, object] | None = None,
) -> Session:
    """A session of somebody who has proved himself begins; `session` is its name, `resumed_from` that of the seat left.

    `method`: "password", or "sso" with the tenant whose identity provider vouched (`via`) and what it said (`claims`).
    """
    actor = person_without_tenant(
        user, user.name, session=session, address=origin.address, request=origin.request
    )
    begun = seats.begin(
        actor=actor,
        origin=origin,
        method=method,
        via=via,
        claims=claims,
        factors=factors,
        resumed_from=resumed_from,
        now=now,
    )
    _tell_of_envelope(user, actor, origin, now)
    return begun


def _tell_of_envelope(user: User, actor: Actor, origin: Origin, now: datetime) -> None:
    """An account that lies in a sealed envelope was used: each tenant that keeps it so is told at once, opened or not."""
    with platform_scope(user_id=user.id):
        kept = MemberTerms.own.filter(user_id=user.id, kind=AccountKind.EMERGENCY)
        kept = kept.exclude(Exists(over_of_own()))
        tenants = sorted(kept.values_list("tenant_id", flat=True))
    for tenant_id in tenants:
        with tenant_scope(tenant_id):
            sealed = not open_right(str(user.id)).exists()
            detail: dict[str, object] = {"address": origin.address, "device": origin.device, "sealed": sealed}
            subject = Subject("user", str(user.id), user.name)
            record(
                "emergency.account_used",
                actor=replace(actor, tenant_id=tenant_id),
                subject=subject,
                now=now,
                detail=detail,
            )


def change_password(
    user: User, password: str, before: str, *, actor: Actor, now: datetime, proof: Reauthentication | None
) -> None:
    """Set a new one, and end every session that the old one began and every token that it alone made; `actor`: the person, without a tenant.

    `before`: the old one as he typed it, "" where he proved himself without it. Raises NotReauthenticated, Refused (weak_password,
    password_like_before).
    """
    with platform_scope(user_id=user.id):
        given = check_proof(proof, actor=actor, now=now)
        if actor.id != str(user.id) or not second_factor.proves_whole(
            given, user, enrolled=second_factor.is_enrolled(user.id)
        ):
            raise NotReauthenticated
        refuse_weak(password, user)
        own = User.objects.values_list("password", flat=True).get(id=user.id)
        if check_hash(password, own) or is_like(password, before):
            raise Refused("password_like_before")
        User.objects.filter(id=user.id).update(password=make_password(password))
        record(
            "user.password_changed", actor=actor, subject=Subject("user", str(user.id), user.name), now=now
        )
        end_tokens_made_alone(user.id, actor=actor, now=now)
        open_ones = list(Session.objects.filter(user_id=user.id, ended_at__isnull=True))
    for session in open_ones:
        seats.end(session, End.SIGNED_OUT, actor=actor, now=now, reason="password_changed")


def refuse_weak(password: str, user: User) -> None:
    """Raises Refused for what a person may not choose: weak_password (too short for him, common, breached, of the words around him),
    or breached_list_unreadable."""
    try:
        validate_password(password, user)
    except ValidationError as weak:
        unreadable = any(one.code == UNREADABLE for one in weak.error_list)
        raise Refused(UNREADABLE if unreadable else "weak_password") from weak


def leave(user: User, how: End, *, now: datetime, session: str, address: str, request: str) -> bool:
    """The person ends this session of his own: signs out, leaves his seat, or is found to have been away too long."""
    actor = person_without_tenant(user, user.name, session=session, address=address, request=request)
    with platform_scope(user_id=user.id):
        row = Session.objects.filter(user_id=user.id, name=session).first()
    return row is not None and seats.end(row, how, actor=actor, now=now)


def close_account_session(user_id: UUID, session: str, *, now: datetime) -> None:
    """Somebody whose account was closed meanwhile is still sitting there: his session ends."""
    with platform_scope(user_id=user_id):
        row = Session.objects.filter(user_id=user_id, name=session).first()
    if row is not None:
        seats.end(row, End.FORCED, actor=seats.keeper(NO_TENANT), now=now, reason="account_closed")


def reauthenticate(
    user: User,
    password: str,
    code: str = "",
    *,
    actor: Actor,
    now: datetime,
    recently: bool = False,
    by_token: bool = False,
    signed_on: bool = False,
) -> Reauthentication:
    """Proof for a confirmation: the password, and of who has a second factor also its code.

    `signed_on`: an identity provider vouched for this session's person; in place of the password its fresh word counts (once),
    or his own second factor (raises sign_on_again where there is neither).

    What is wrong is recorded, counted, and raises NotReauthenticated (wrong_password, wrong_code).

    `by_token`: a program calls, which proves nobody: it must send the person's password (raises token_is_no_proof).
    `recently`: the person proved himself within the tenant's grace, so that no password is also enough; the proof says so.
    """
    if not password and by_token:
        raise NotReauthenticated("token_is_no_proof")
    if not password and recently and actor.id == str(user.id):
        return Reauthentication(user_id=actor.id, method="recent", at=now)
    # A session that a provider vouched for is begun as often as that provider likes: it is no place of the person's own.
    own = "" if signed_on else guarding.own_session(actor.session)
    guarding.refuse_too_many(user, actor=actor, now=now, own=own)
    if signed_on and not password and actor.id == str(user.id):
        proof = _proved_there(user, code, actor=actor, now=now)
        if proof is not None:
            seats.proved(actor.session, actor=actor, now=now)
            return proof
        _failed_again(user, own, actor=actor, now=now)
        raise NotReauthenticated("wrong_code")
    wrong, method = "wrong_password", "password"
    if actor.id == str(user.id) and authenticate(username=user.username, password=password) == user:
        wrong = ""
        if second_factor.is_enrolled(user.id):
            person = replace(actor, tenant_id=NO_TENANT)
            factor = second_factor.prove(user, code, actor=person, now=now)
            wrong, method = ("", f"password+{factor}") if factor else ("wrong_code", "")
    if not wrong:
        guarding.succeeded(user, actor.address, own)
        seats.proved(actor.session, actor=actor, now=now)
        return Reauthentication(user_id=actor.id, method=method, at=now)
    _failed_again(user, own, actor=actor, now=now)
    raise NotReauthenticated(wrong)


def _proved_there(user: User, code: str, *, actor: Actor, now: datetime) -> Reauthentication | None:
    """What proves somebody whom a provider vouched for: its fresh word, with his own factor where he has one and the provider
    does not say that it asked for two; or that factor alone. None: the code is wrong. Raises NotReauthenticated (sign_on_again).
    """
    person = replace(actor, tenant_id=NO_TENANT)
    enrolled = second_factor.is_enrolled(user.id)
    factor = second_factor.prove(user, code, actor=person, now=now) if enrolled and code else ""
    if code and enrolled and not factor:
        return None
    only_strong = enrolled and not factor
    word = seats.take_provider_proof(actor.session, only_strong=only_strong, actor=actor, now=now)
    if word is None and not factor:
        raise NotReauthenticated("sign_on_again")
    if factor:
        guarding.succeeded(user, actor.address)
    if word is None:
        return Reauthentication(actor.id, factor, now)
    more = factor or ("mfa" if word.get("strong") else "")
    claims = {name: word.get(name) for name in ("issuer", "amr", "acr", "auth_time")}
    return Reauthentication(actor.id, f"sso+{more}" if more else "sso", now, claims)


def _failed_again(user: User, own: str, *, actor: Actor, now: datetime) -> None:
    """Somebody at the keyboard of an open session could not prove that he is its person."""
    record(
        "session.reauthentication_failed",
        actor=actor,
        subject=Subject(type="user", id=actor.id, name=actor.name),
        now=now,
        outcome="failed",
    )
    shut = guarding.failed(user, user.username, actor=replace(actor, tenant_id=NO_TENANT), now=now, own=own)
    if shut:
        _tell_tenants("session.shut_out", user, actor, Subject("user", actor.id, actor.name), shut, now)
