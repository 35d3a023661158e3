"""Whom a provider means is forgotten by two people's decision: of one person, or of everybody where another provider is entered.

What was bound stays written down, with its end. The person is bound anew at his next sign-in, recognised as at his first one, and
only for some days: an address that the provider gives to somebody else later must not lead to an account that waits for nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.domain.permissions import Permission
from accounts.domain.sign_on import REBIND_HOLDS, UNBIND, Claim
from accounts.models import Membership, MemberTerms, SignOnLink, SignOnProvider, User
from accounts.operations.own_rights import refuse_own
from accounts.queries.sign_on import live_links, opened_anew
from medical_audit.domain.actor import Actor, ActorType, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import NotFound, NotPermitted, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.seats import LIFETIME, End
from medical_audit.models import Operation, Session
from medical_audit.operations import entry, seats
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope, tenant_scope


def enter_unbind(user_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that the tenant's provider is to name this person anew: his account there was made anew, or another one was bound. Of who
    left only what was bound ends.

    Raises NotPermitted, NotFound, Refused (own_rights, account_closed, sign_on_missing, nothing_changed).
    """
    with tenant_scope(actor.tenant_id):
        here = Q(id__in=Membership.objects.values("user_id")) | Q(id__in=live_links().values("user_id"))
        user = User.objects.filter(here, id=user_id).first()
        if user is None:
            raise NotFound(type="user", id=str(user_id))
        actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
        refuse_own(user_id, actor=actor)
        bound = live_links().filter(user=user).exists()
        if not bound and not user.is_active:
            raise Refused("account_closed", name=user.name)
        row: SignOnProvider | None = SignOnProvider.objects.first()
        if row is None:
            raise Refused("sign_on_missing")
        if not bound and opened_anew(user.id, alone=True, now=now):
            raise Refused("nothing_changed")
        target = OperationTarget("user", str(user.id), user.name)
        return entry.enter(UNBIND, target, _parameters(row, user), actor=actor, now=now, reason=reason)


def apply_unbind(operation: Operation, now: datetime) -> dict[str, Any]:
    """What was bound ends, with the sessions that rest on it. Raises NotPermitted (own_rights), Refused (account_closed),
    StaleContent (rules_changed) where he would be recognised by something else than the confirmer was shown."""
    if operation.confirmed_by_id == operation.target_id:
        raise NotPermitted("own_rights")
    user = User.objects.get(id=UUID(operation.target_id))
    links = live_links().filter(user=user)
    if not links.exists() and not (user.is_active and Membership.objects.filter(user=user).exists()):
        raise Refused("account_closed", name=user.name)
    row: SignOnProvider | None = SignOnProvider.objects.select_for_update().first()
    if row is None or _parameters(row, user) != operation.parameters:
        raise StaleContent("rules_changed")
    return {**end_links(operation, links, now), "until": utc_text(now + REBIND_HOLDS)}


def shown_unbind(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"sentence": UNBIND, "call": ""} | {name: value for name, value in parameters.items() if value}


def end_links(operation: Operation, links: QuerySet[SignOnLink], now: datetime) -> dict[str, Any]:
    """A part of an operation that is being applied: these open nothing any more, and what they opened today is shut.

    Gives how many people and sessions that were.
    """
    confirmer = Actor(
        operation.tenant_id, ActorType.USER, operation.confirmed_by_id, operation.confirmed_by_name
    )
    ending = {"ended_at": now, "ended_operation": str(operation.id)}
    sessions, held = 0, list(links.select_related("user").select_for_update(of=("self",)).order_by("id"))
    for link in held:
        SignOnLink.objects.filter(id=link.id).update(**ending)
        subject = Subject("user", str(link.user_id), link.user.name)
        record(
            "user.sign_on_unbound", actor=confirmer, subject=subject, now=now, reason=operation.reason,
            detail={"issuer": link.issuer},
        )  # fmt: skip
        if link.used_at > now - LIFETIME:
            sessions += _end_sessions(link.user_id, operation, confirmer, now)
    return {"unbound": len(held), "sessions": sessions}


def _end_sessions(user_id: UUID, operation: Operation, confirmer: Actor, now: datetime) -> int:
    with platform_scope(user_id=user_id):
        rows = Session.objects.filter(user_id=user_id, via=operation.tenant_id, ended_at__isnull=True)
        open_ones = list(rows)
    ended = [
        seats.end(one, End.FORCED, actor=confirmer, now=now, reason=operation.reason) for one in open_ones
    ]
    return sum(ended)


def _parameters(row: SignOnProvider, user: User) -> dict[str, Any]:
    """By what he will be recognised."""
    terms = MemberTerms.objects.filter(user=user).first() if row.claim == Claim.EMAIL else None
    return {
        "username": user.username, "issuer": row.issuer, "claim": row.claim, "email": terms.email if terms else "",
    }  # fmt: skip
