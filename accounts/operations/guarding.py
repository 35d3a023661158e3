"""Wrong passwords are counted, and make the door wait: by name and address, for whoever has that name or nobody."""

from datetime import datetime, timedelta
from uuid import UUID

from django.utils.crypto import salted_hmac

from accounts.domain.lockout import FORGOTTEN_AFTER, FREE_TRIES, Strikes, shut_until
from accounts.models import User
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import Refused
from medical_audit.domain.seats import network_of
from medical_audit.operations import seats
from medical_audit.operations.ledger import record
from medical_audit.queries import sessions
from medical_audit.tenancy import platform_scope


def account_of(user: User | None, username: str) -> str:
    """What failures are counted under: a name that nobody has is counted like any other, by a keyed hash of it."""
    if user is not None:
        return str(user.id)
    return "unknown:" + salted_hmac("failed-sign-in", username.lower()).hexdigest()[:32]


def wait_of(user: User | None, username: str, address: str, *, now: datetime) -> timedelta:
    """How long nobody is let in with this name from this address; zero where the door is open."""
    since = now - FORGOTTEN_AFTER
    with platform_scope(user_id=user.id if user else UUID(int=0)):
        known = sessions.known_networks(user.id) if user else frozenset()
    failures = sessions.failures_of_account(account_of(user, username), since)
    here = [one for one in failures if one.address == address[:64]]
    strange = [one for one in failures if network_of(one.address) not in known]
    over_all = sessions.failures_from_address(address, since)
    until = shut_until(
        _together(here),
        _together(strange),
        _together([over_all] if over_all else []),
        known_place=network_of(address) in known,
        now=now,
    )
    return until - now if until else timedelta()


def failed(user: User | None, username: str, *, actor: Actor, now: datetime) -> None:
    """Count one more; when it shuts the door, the ledger says so once."""
    before = wait_of(user, username, actor.address, now=now)
    seats.count_failure(account_of(user, username), actor.address, actor=actor, now=now)
    after = wait_of(user, username, actor.address, now=now)
    if after and not before and _first(user, username, actor.address, now):
        subject = Subject("user", str(user.id) if user else "", user.username if user else actor.name)
        detail: dict[str, object] = {"address": actor.address, "seconds": int(after.total_seconds())}
        with platform_scope():
            record("session.shut_out", actor=actor, subject=subject, now=now, outcome="failed", detail=detail)


def succeeded(user: User, address: str) -> None:
    """The right password was given: what was mistyped before is forgotten."""
    seats.forget_failures(str(user.id), address)


def refuse_too_many(user: User, *, actor: Actor, now: datetime) -> None:
    """Somebody who sits inside and guesses waits like somebody at the door. Raises Refused (too_many_tries)."""
    wait = wait_of(user, user.username, actor.address, now=now)
    if wait:
        raise Refused("too_many_tries", seconds=int(wait.total_seconds()) + 1)


def _first(user: User | None, username: str, address: str, now: datetime) -> bool:
    """Whether this very failure is the one that shut the door; later ones only keep it shut."""
    failures = sessions.failures_of_account(account_of(user, username), now - FORGOTTEN_AFTER)
    return all(one.strikes <= FREE_TRIES for one in failures if one.address == address[:64])


def _together(failures: list[sessions.Failures]) -> Strikes:
    if not failures:
        return Strikes()
    return Strikes(sum(one.strikes for one in failures), max(one.last_at for one in failures))
