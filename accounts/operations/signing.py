"""Signing in, leaving and taking up a seat, signing out, and proving again who sits at the keyboard."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.contrib.auth import authenticate
from django.utils.crypto import salted_hmac

from accounts.models import Membership, User
from accounts.queries.people import name_to_keep, person_without_tenant
from medical_audit.domain.actor import NO_TENANT, Actor, Reauthentication, Subject
from medical_audit.domain.errors import NotReauthenticated
from medical_audit.domain.seats import End, Origin
from medical_audit.models import Session
from medical_audit.operations import seats
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope, tenant_scope

PASSWORD_ONLY = ("pwd",)


def check_password(username: str, password: str, *, now: datetime, origin: Origin) -> User | None:
    """The person whose password this is; a failure is recorded and counted by account and address.

    None is the same answer for a wrong password and an unknown user.
    """
    user = authenticate(username=username, password=password)
    if isinstance(user, User):
        return user
    _failed(username, now=now, origin=origin)
    return None


def _failed(username: str, *, now: datetime, origin: Origin) -> None:
    """In the platform's ledger; of somebody known also in the ledger of each of his tenants, whose auditors ask for it.

    Who tried is not known, only whose name was given: the actor has no id.
    """
    known = User.objects.filter(username__iexact=username).first()
    actor = person_without_tenant(
        None, name_to_keep(username), session="", address=origin.address, request=origin.request
    )
    subject = Subject(type="user", id=str(known.id) if known else "", name=actor.name)
    detail: dict[str, object] = {"method": "password", "address": origin.address, "device": origin.device}
    record("session.failed", actor=actor, subject=subject, now=now, outcome="failed", detail=detail)
    account = subject.id or "unknown:" + salted_hmac("failed-sign-in", username.lower()).hexdigest()[:32]
    seats.count_failure(account, origin.address, actor=actor, now=now)
    if known is None:
        return
    with platform_scope(user_id=known.id):
        tenants = sorted(set(Membership.own.filter(user=known).values_list("tenant_id", flat=True)))
    for tenant_id in tenants:
        here = replace(actor, tenant_id=tenant_id)
        with tenant_scope(tenant_id):
            record("session.failed", actor=here, subject=subject, now=now, outcome="failed", detail=detail)


def sign_in(user: User, *, session: str, origin: Origin, now: datetime, resumed_from: str = "") -> Session:
    """A session of somebody who has proved himself begins; `session` is its name, `resumed_from` that of the seat left."""
    actor = person_without_tenant(
        user, user.name, session=session, address=origin.address, request=origin.request
    )
    return seats.begin(
        actor=actor,
        origin=origin,
        method="password",
        factors=PASSWORD_ONLY,
        resumed_from=resumed_from,
        now=now,
    )


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
    user: User, password: str, *, actor: Actor, now: datetime, recently: bool = False
) -> Reauthentication:
    """Proof for a confirmation; a wrong password is recorded and raises NotReauthenticated.

    `recently`: the person proved himself within the tenant's grace, so that no password is also enough; the proof says so.
    """
    if not password and recently and actor.id == str(user.id):
        return Reauthentication(user_id=actor.id, method="recent", at=now)
    if actor.id == str(user.id) and authenticate(username=user.username, password=password) == user:
        seats.proved(actor.session, actor=actor, now=now)
        return Reauthentication(user_id=actor.id, method="password", at=now)
    record(
        "session.reauthentication_failed",
        actor=actor,
        subject=Subject(type="user", id=actor.id, name=actor.name),
        now=now,
        outcome="failed",
    )
    raise NotReauthenticated("wrong_password")
