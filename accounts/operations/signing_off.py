"""A tenant's identity provider says that somebody signed out there, or was cut off: what rests on its word here ends.

OpenID Connect Back-Channel Logout 1.0. What began here after the word was given (but for what clocks differ) is never ended by
it, so that a word which comes twice, or is sent once more by whoever overheard it, does nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from accounts import identity
from accounts.domain.sign_on import SKEW, Ended, NotFromProvider, ProviderSilent
from accounts.models import SignOnProvider
from accounts.operations import guarding
from accounts.queries.sign_on import live_links, provider_at_the_door
from medical_audit.domain.actor import NO_TENANT, Actor, ActorType, Subject, system_actor
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.seats import LIFETIME, End, Origin
from medical_audit.models import Session
from medical_audit.operations import seats
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope, tenant_scope


def ended_there(tenant_id: UUID, token: str, *, now: datetime, origin: Origin) -> int:
    """End the sessions that a logout token means; gives how many. What is wrong with it is recorded in the tenant's ledger.

    Raises NotFound (no such provider), Refused (a code of `identity`, or too_many_tries by address).
    """
    row, key = provider_at_the_door(tenant_id), f"sign-off:{tenant_id}:{origin.address}"
    if row is None:
        raise NotFound(type="sign_on")
    # Asking for keys that do not come is waited with, too, but apart: behind the provider's address a whole house may sign in.
    asker = f"keys:{origin.address}"
    wait = max(guarding.wait_of(None, key, one, now=now) for one in (origin.address, asker))
    if wait:
        raise Refused("too_many_tries", seconds=int(wait.total_seconds()) + 1)
    client = identity.Client(row.issuer, row.client_id, "", row.places())
    actor = Actor(tenant_id, ActorType.USER, "", row.name, address=origin.address, request=origin.request)
    try:
        ended = identity.logout(client, token, now=now)
    except ProviderSilent as silent:
        _tell(row, silent, actor, now)
        seats.count_failure(guarding.account_of(None, key), asker, actor=actor, now=now)
        raise Refused(silent.code) from silent
    except NotFromProvider as wrong:
        _tell(row, wrong, actor, now)
        guarding.failed(None, key, actor=replace(actor, tenant_id=NO_TENANT), now=now)
        raise Refused(wrong.code) from wrong
    return _end(tenant_id, row.issuer, ended, now)


def _tell(row: SignOnProvider, wrong: NotFromProvider, actor: Actor, now: datetime) -> None:
    detail: dict[str, object] = {"code": wrong.code, "detail": wrong.detail, "address": actor.address}
    with tenant_scope(actor.tenant_id):
        subject = Subject("sign_on", str(row.id), row.name)
        record(
            "sign_on.logout_refused", actor=actor, subject=subject, now=now, outcome="failed", detail=detail
        )


def _end(tenant_id: UUID, issuer: str, ended: Ended, now: datetime) -> int:
    """Sessions of this provider that began before: of the person it names, or whoever came in within a session's life."""
    with tenant_scope(tenant_id):
        links = live_links().filter(issuer=issuer, used_at__gt=now - LIFETIME)
        links = links.filter(subject=ended.subject) if ended.subject else links
        people = list(links.values_list("user_id", flat=True))
    actor, count = system_actor(tenant_id, "sign-on"), 0
    for user_id in people:
        with platform_scope(user_id=user_id):
            rows = Session.objects.filter(
                user_id=user_id, via=tenant_id, ended_at__isnull=True, started_at__lte=ended.at + SKEW
            )
            meant = [one for one in rows if _is_meant(one, ended)]
        for session in meant:
            count += seats.end(session, End.FORCED, actor=actor, now=now, reason="ended_at_provider")
    return count


def _is_meant(session: Session, ended: Ended) -> bool:
    """A session of which the provider said no name is meant by every word about its person."""
    named = session.claims.get("sid", "")
    return not ended.sid or named == ended.sid or (not named and bool(ended.subject))
