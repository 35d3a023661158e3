"""Wrong passwords are counted, and make the door wait: by name and place, for whoever has that name or nobody.

A place is a network. A browser that the person signed in with before is one of its own: whoever guesses in the next room of the same
hospital keeps nobody out of it, and gets no more tries by being there.
"""

from datetime import datetime, timedelta
from typing import Final

from django.utils.crypto import salted_hmac

from accounts.domain.lockout import (
    FORGOTTEN_AFTER,
    FREE_FROM_ADDRESS,
    FREE_FROM_STRANGERS,
    FREE_TRIES,
    Strikes,
    shut_until,
)
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


def wait_of(user: User | None, username: str, address: str, *, now: datetime, own: str = "") -> timedelta:
    """How long nobody is let in with this name from here; zero where the door is open.

    `own`: the name of a browser or session that is the person's own (`own_browser`, `own_session`), "" for every other place.
    """
    until = shut_until(*_counted(user, username, address, own, now), own=bool(own), now=now)
    return until - now if until else timedelta()


def _counted(
    user: User | None, username: str, address: str, own: str, now: datetime
) -> tuple[Strikes, Strikes, Strikes]:
    """Strikes of this place, of all strange ones, and of this address with all names."""
    since = now - FORGOTTEN_AFTER
    failures = sessions.failures_of_account(account_of(user, username), since)
    if own:
        return _together([one for one in failures if one.address == own]), Strikes(), Strikes()
    strange = [one for one in failures if not one.address.startswith(_OWN)]
    network = network_of(address)
    here = [one for one in strange if network_of(one.address) == network]
    over_all = sessions.failures_from_address(address, since)
    return _together(here), _together(strange), _together([over_all] if over_all else [])


def own_browser(name: str) -> str:
    """A browser that this person signed in with before; "" where it has no name."""
    return f"browser:{name}" if name else ""


def own_session(name: str) -> str:
    """An open session that the person himself began, or a token that he made."""
    return f"session:{name}" if name else ""


_OWN: Final = ("browser:", "session:")


def failed(
    user: User | None, username: str, *, actor: Actor, now: datetime, own: str = ""
) -> dict[str, object]:
    """Count one more; when it shuts the door, the platform's ledger says so once, and what it says is given back for the ledgers of
    his tenants; else nothing."""
    before = wait_of(user, username, actor.address, now=now, own=own)
    seats.count_failure(account_of(user, username), own or actor.address, actor=actor, now=now)
    counts = _counted(user, username, actor.address, own, now)
    until = shut_until(*counts, own=bool(own), now=now)
    if until and not before and _first(*counts):
        subject = Subject("user", str(user.id) if user else "", user.username if user else actor.name)
        detail: dict[str, object] = {"address": actor.address, "seconds": int((until - now).total_seconds())}
        with platform_scope():
            record("session.shut_out", actor=actor, subject=subject, now=now, outcome="failed", detail=detail)
        return detail
    return {}


def succeeded(user: User, address: str, own: str = "") -> None:
    """The right password was given: what was mistyped before is forgotten."""
    seats.forget_failures(str(user.id), own or address)


def refuse_too_many(user: User, *, actor: Actor, now: datetime, own: str = "") -> None:
    """Somebody who sits inside and guesses waits like somebody at the door. Raises Refused (too_many_tries)."""
    wait = wait_of(user, user.username, actor.address, now=now, own=own)
    if wait:
        raise Refused("too_many_tries", seconds=int(wait.total_seconds()) + 1)


def _first(here: Strikes, strangers: Strikes, address: Strikes) -> bool:
    """Whether this very failure is the one that shut the door; later ones only keep it shut."""
    limits = ((here, FREE_TRIES), (strangers, FREE_FROM_STRANGERS), (address, FREE_FROM_ADDRESS))
    return any(one.count == free for one, free in limits)


def _together(failures: list[sessions.Failures]) -> Strikes:
    if not failures:
        return Strikes()
    return Strikes(sum(one.strikes for one in failures), max(one.last_at for one in failures))
