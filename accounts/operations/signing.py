"""Signing in, signing out, and proving again who sits at the keyboard."""

from datetime import datetime

from django.contrib.auth import authenticate

from accounts.models import User
from accounts.queries.people import name_to_keep, person_without_tenant
from medical_audit.domain.actor import Actor, Reauthentication, Subject
from medical_audit.domain.errors import NotReauthenticated
from medical_audit.operations.ledger import record


def sign_in(username: str, password: str, *, now: datetime, address: str, request: str) -> User | None:
    """Check a password and record the attempt; None is the same answer for a wrong password and an unknown user."""
    user = authenticate(username=username, password=password)
    known = user if isinstance(user, User) else None
    actor = person_without_tenant(known, name_to_keep(username), session="", address=address, request=request)
    record(
        "session.signed_in" if known else "session.failed",
        actor=actor,
        subject=Subject(type="user", id=actor.id, name=actor.name),
        now=now,
        outcome="ok" if known else "failed",
        detail={"method": "password"},
    )
    return known


def sign_out(user: User, *, now: datetime, session: str, address: str, request: str) -> None:
    actor = person_without_tenant(user, user.name, session=session, address=address, request=request)
    record(
        "session.signed_out", actor=actor, subject=Subject(type="user", id=actor.id, name=actor.name), now=now
    )


def reauthenticate(user: User, password: str, *, actor: Actor, now: datetime) -> Reauthentication:
    """Proof for a confirmation; a wrong password is recorded and raises NotReauthenticated."""
    if actor.id == str(user.id) and authenticate(username=user.username, password=password) == user:
        return Reauthentication(user_id=actor.id, method="password", at=now)
    record(
        "session.reauthentication_failed",
        actor=actor,
        subject=Subject(type="user", id=actor.id, name=actor.name),
        now=now,
        outcome="failed",
    )
    raise NotReauthenticated("wrong_password")
