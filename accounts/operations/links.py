"""One-time links: somebody new gives himself a password, or a member who cannot come in any more gets one anew.

An invitation and a reissue are each entered and confirmed by two people, and each of them gets one half of what opens: the link
or a code. The person needs both, so neither of the two can come in as him. An account holds in every tenant of its person, so
a reissue opens nothing before each of them has decided it (ADR 23).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.utils.crypto import constant_time_compare

from accounts.domain.permissions import Permission
from accounts.domain.reissue import REISSUE, Reissue, agreed
from accounts.domain.tokens import SECRET_BYTES, hash_of
from accounts.models import Invitation, Membership, MemberTerms, User
from accounts.operations import second_factor
from accounts.operations.ending_tokens import end_tokens_made_alone, end_tokens_of
from accounts.operations.own_rights import refuse_own
from accounts.operations.signing import refuse_weak
from accounts.operations.typed import new_code, plain, spelled
from accounts.queries.admissions import guest_at
from medical_audit.domain.actor import NO_TENANT, Actor, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import NotFound, NotPermitted, Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.seats import End
from medical_audit.models import Operation, Session
from medical_audit.operations import entry, seats
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope, tenant_scope

LINK_HOLDS: Final = timedelta(days=7)
#: Of the confirmer's half, as people read it to each other: 78 bits, which nobody guesses at a door.
CODE_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class Invited:
    """An entered invitation or reissue, and the secret of its link: the enterer's half, which is kept nowhere."""

    operation: Operation
    link: str


def new_link(tenant_id: UUID) -> tuple[str, str]:
    """The text of a new link, and the hash by which it is known."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return f"{tenant_id.hex}_{secret}", hash_of(secret)


def keep_link(operation: Operation, user: User, now: datetime, *, reissues: str = "") -> None:
    """A part of an operation that is being applied: the link holds from now on, and earlier ones of this tenant no more.

    The code that belongs to it is told to who confirms, once (`Operation.told_once`).
    """
    void_links(user, now)
    code = new_code(CODE_LENGTH)
    Invitation(
        tenant_id=operation.tenant_id, user=user, hashed=operation.parameters["hashed"], code_hashed=hash_of(code),
        operation=str(operation.id), made_at=now, expires_at=now + LINK_HOLDS, reissues=reissues,
    ).save(force_insert=True)  # fmt: skip
    operation.told_once = spelled(code)


def void_links(user: User, now: datetime) -> None:
    """Links of the bound tenant that this person has not used open nothing any more."""
    Invitation.objects.filter(user=user, used_at__isnull=True).update(used_at=now)


def enter_reissue(user_id: UUID, what: str, *, actor: Actor, now: datetime, reason: str) -> Invited:
    """Enter that a member who cannot come in any more gets a link by which he gives himself a new password.

    Raises NotPermitted, NotFound, Refused (own_rights, bad_parameter, account_closed).
    """
    with tenant_scope(actor.tenant_id):
        member = Membership.objects.filter(user_id=user_id).select_related("user").first()
    if member is None:
        raise NotFound(type="user", id=str(user_id))
    actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
    user: User = member.user
    refuse_own(user_id, actor=actor)
    if what not in set(Reissue):
        raise Refused("bad_parameter", name="what", allowed=", ".join(Reissue))
    if not user.is_active:
        raise Refused("account_closed", name=user.name)
    link, hashed = new_link(actor.tenant_id)
    parameters = {
        "username": user.username, "reissues": what, "hashed": hashed,
        "elsewhere": "yes" if _tenants_of(user, now) - {actor.tenant_id} else "",
    }  # fmt: skip
    target = OperationTarget("user", str(user.id), user.name)
    return Invited(entry.enter(REISSUE, target, parameters, actor=actor, now=now, reason=reason), link)


def apply_reissue(operation: Operation, now: datetime) -> dict[str, Any]:
    """The link comes to be; nothing of the person's is void before he uses it. Raises NotPermitted (own_rights), Refused."""
    if operation.confirmed_by_id == operation.target_id:
        raise NotPermitted("own_rights")
    user = User.objects.get(id=UUID(operation.target_id))
    if not user.is_active or not Membership.objects.filter(user=user).exists():
        raise Refused("account_closed", name=user.name)
    keep_link(operation, user, now, reissues=operation.parameters["reissues"])
    return {"expires_at": utc_text(now + LINK_HOLDS)}


def shown_reissue(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    names = ("username", "reissues", "elsewhere")
    return {"sentence": REISSUE, "call": ""} | {name: parameters[name] for name in names if parameters[name]}


def find_link(link: str, *, now: datetime) -> Invitation | None:
    """Whose link this is, if it is one that can still be used. Needs no scope of its own."""
    tenant, _, secret = link.partition("_")
    try:
        tenant_id = UUID(hex=tenant)
    except ValueError:
        return None
    if tenant_id == NO_TENANT:
        return None
    with tenant_scope(tenant_id):
        rows = Invitation.objects.filter(hashed=hash_of(secret), used_at__isnull=True, expires_at__gt=now)
        rows = rows.exclude(code_hashed="")  # of before there were halves
        found: Invitation | None = rows.filter(user__is_active=True).select_related("user").first()
    return found


def opens(invitation: Invitation, *, now: datetime) -> bool:
    """Whether the link opens the door now: a reissue waits until every tenant of the person has decided it."""
    return not invitation.reissues or _agreed(invitation.user, now)[0] is not None


def accept(invitation: Invitation, code: str, password: str, *, actor: Actor, now: datetime) -> None:
    """The person's own password; `code`: the confirmer's half, `actor`: he himself, in the tenant of his link.

    Raises NotFound where the link was used meanwhile or does not open yet, Refused (other_half_wrong, and as `refuse_weak` does).
    """
    if not constant_time_compare(hash_of(plain(code)), invitation.code_hashed):
        raise Refused("other_half_wrong")
    if invitation.reissues:
        _accept_again(invitation, password, actor, now)
        return
    with tenant_scope(invitation.tenant_id):
        _use(invitation, now)
        _choose(password, invitation.user)
        record("user.password_set", actor=actor, subject=_subject(invitation.user), now=now)


def _accept_again(invitation: Invitation, password: str, actor: Actor, now: datetime) -> None:
    """Links, password, factors, tokens and sessions change together, told in each tenant's ledger."""
    user, me = invitation.user, replace(actor, tenant_id=NO_TENANT)
    with platform_scope(user_id=user.id):
        what, links = _agreed(user, now)
        if what is None or invitation.id not in {one.id for one in links}:
            raise NotFound(type="invitation")
        detail: dict[str, object] = {"reissues": str(what)}
        for one in links:
            here = replace(actor, tenant_id=one.tenant_id)
            with tenant_scope(one.tenant_id, user_id=user.id):
                _use(one, now)
                if what == Reissue.EVERYTHING:
                    end_tokens_of(user.id, actor=here, now=now)
                record("user.reissued", actor=here, subject=_subject(user), now=now, detail=detail)
        if what == Reissue.EVERYTHING:
            second_factor.forget(user, actor=me, now=now)
        end_tokens_made_alone(user.id, actor=me, now=now)
        _choose(password, user)
        record("user.reissued", actor=me, subject=_subject(user), now=now, detail=detail)
        for session in Session.objects.filter(user_id=user.id, ended_at__isnull=True):
            seats.end(session, End.FORCED, actor=me, now=now, reason="reissued")


def _use(invitation: Invitation, now: datetime) -> None:
    rows = Invitation.objects.filter(id=invitation.id, used_at__isnull=True, expires_at__gt=now)
    if not rows.update(used_at=now):
        raise NotFound(type="invitation")


def _choose(password: str, user: User) -> None:
    """Raises Refused as `refuse_weak`; NotFound where the account was closed, or its person erased, since the link was looked up."""
    refuse_weak(password, user)
    if not User.objects.filter(id=user.id, is_active=True).update(password=make_password(password)):
        raise NotFound(type="invitation")


def _agreed(user: User, now: datetime) -> tuple[Reissue | None, list[Invitation]]:
    """What every tenant of the person agrees on, and the links that say so, the newest of each tenant."""
    with platform_scope(user_id=user.id):
        rows = Invitation.own.filter(user_id=user.id, used_at__isnull=True, expires_at__gt=now)
        links = {one.tenant_id: one for one in rows.exclude(reissues="").order_by("made_at", "id")}
    what = agreed(_tenants_of(user, now), {tenant: one.reissues for tenant, one in links.items()})
    return what, sorted(links.values(), key=lambda one: str(one.tenant_id))


def _tenants_of(user: User, now: datetime) -> set[UUID]:
    """Where he holds a role, also where his term is over: two people there could renew it, and would let in whoever has the account
    then. Only where he was a guest and is no more nobody has a say: there he himself would have to agree anew."""
    with platform_scope(user_id=user.id):
        over = MemberTerms.own.filter(ends_at__lte=now, user_id=user.id).values_list("tenant_id", flat=True)
        own = Membership.own.filter(user_id=user.id).values_list("tenant_id", flat=True)
        return set(own) - (set(over) & guest_at(user.id))


def _subject(user: User) -> Subject:
    return Subject("user", str(user.id), user.name)
