"""Who belongs to a tenant: inviting, giving and taking roles, closing an account. Nobody decides about himself."""

import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import Exists

from accounts.domain.permissions import Permission, Role
from accounts.domain.reissue import INVITE
from accounts.domain.terms import USUAL, AccountKind, Terms
from accounts.models import Membership, MemberTerms, User
from accounts.operations.asking import ask, lay_aside
from accounts.operations.clearing import end_means_of
from accounts.operations.links import LINK_HOLDS, Invited, keep_link, new_link
from accounts.operations.own_rights import refuse_own
from accounts.operations.terms import keep_terms, parameters_of
from accounts.operations.unbinding import end_links
from accounts.queries.sign_on import live_links
from accounts.queries.terms import over_of_own
from medical_audit.domain.actor import Actor, ActorType
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import NotFound, NotPermitted, Refused, StaleContent
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.seats import End
from medical_audit.models import Operation, Session
from medical_audit.operations import entry, seats
from medical_audit.tenancy import platform_scope, tenant_scope

GRANT, REVOKE, CLOSE = "member.grant", "member.revoke", "member.close"
_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
NAME_MAX: Final = 100


def enter_invite(
    username: str,
    name: str,
    role: str,
    email: str = "",
    *,
    first: date | None = None,
    last: date | None = None,
    actor: Actor,
    now: datetime,
    reason: str,
) -> Invited:
    """Enter that somebody new is invited with one role; the link works once another person has confirmed it.

    `email`: by which the tenant's identity provider recognises him; `first`, `last`: the days on which he is let in. Raises
    NotPermitted, Refused (bad_username, bad_person_name, bad_role, bad_mail, what is wrong with the days, username_taken).
    """
    actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
    username, name = check_person(username, name)
    if User.objects.filter(username__iexact=username).exists():
        raise Refused("username_taken", name=username)
    link, hashed = new_link(actor.tenant_id)
    parameters: dict[str, Any] = {
        "username": username, "name": name, "role": str(_role(role)), "hashed": hashed,
    }  # fmt: skip
    wanted = Terms(email=email.strip(), first=first, last=last)
    if wanted != USUAL:
        with tenant_scope(actor.tenant_id):
            parameters["terms"] = parameters_of(wanted, frozenset({role}), actor.tenant_id, now=now)
            parameters["email"] = parameters["terms"]["email"]
    target = OperationTarget("user", str(uuid.uuid4()), name)
    operation = entry.enter(INVITE, target, parameters, actor=actor, now=now, reason=reason)
    return Invited(operation, link)


def check_person(username: str, name: str) -> tuple[str, str]:
    """Both as they are kept. Raises Refused (bad_username, bad_person_name)."""
    username, name = username.strip().lower(), name.strip()
    if not _USERNAME.fullmatch(username):
        raise Refused("bad_username")
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise Refused("bad_person_name")
    return username, name


def apply_invite(operation: Operation, now: datetime) -> dict[str, Any]:
    """The person, his role and his link come to be. Raises Refused (username_taken) where somebody was first."""
    given, user_id = operation.parameters, UUID(operation.target_id)
    user = User(
        id=user_id, username=given["username"], name=given["name"], password=make_password(None), created_at=now
    )  # fmt: skip
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise Refused("username_taken", name=given["username"]) from error
    _give(operation, user, given["role"], now)
    if "terms" in given:
        keep_terms(operation, given["terms"], user.id, now)
    keep_link(operation, user, now)
    return {"expires_at": utc_text(now + LINK_HOLDS), "role": given["role"], **_change([], [given["role"]])}


def enter_grant(user_id: UUID, role: str, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter one more role for a member. Raises NotPermitted, NotFound, Refused (own_rights, bad_role, nothing_changed)."""
    user, before = _member(user_id, actor)
    wanted = str(_role(role))
    if wanted in before:
        raise Refused("nothing_changed")
    _refuse_shared(user_id, wanted, actor.tenant_id)
    return _enter(GRANT, user, {"role": wanted, **_change(before, [*before, wanted])}, actor, now, reason)


def apply_grant(operation: Operation, now: datetime) -> dict[str, Any]:
    """The role is there with the next request; of somebody who is let in for some days, once he has agreed himself."""
    user = _still(operation)
    _refuse_closed(user)
    given = operation.parameters
    _refuse_shared(user.id, given["role"], operation.tenant_id)
    if "terms" in given:
        ask(operation, given["terms"], given["role"], now)
        return {"agrees": "yes"}
    _give(operation, user, given["role"], now)
    return _changed(operation)


def enter_revoke(user_id: UUID, role: str, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that a member loses a role. Raises NotPermitted, NotFound, Refused (own_rights, nothing_changed)."""
    user, before = _member(user_id, actor)
    if role not in before:
        raise Refused("nothing_changed")
    after = [one for one in before if one != role]
    return _enter(REVOKE, user, {"role": role, **_change(before, after)}, actor, now, reason)


def apply_revoke(operation: Operation, now: datetime) -> dict[str, Any]:
    """The role is gone with the next request; with the last one also his tokens and his own rooms here."""
    user, role = _still(operation), operation.parameters["role"]
    Membership.objects.filter(user=user, role=role).delete()
    lay_aside(user.id, now)
    if not Membership.objects.filter(user=user).exists():
        end_means_of(user.id, actor=_confirmer(operation), now=now)
    return _changed(operation)


def enter_close(user_id: UUID, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that a member's account is closed, never deleted; the way for who leaves the house.

    Raises NotPermitted, NotFound, Refused (own_rights, belongs_elsewhere: then his roles here are taken instead).
    """
    user, before = _member(user_id, actor)
    _refuse_elsewhere(user, actor.tenant_id)
    return _enter(CLOSE, user, _change(before, []), actor, now, reason)


def apply_close(operation: Operation, now: datetime) -> dict[str, Any]:
    """Account, roles, tokens, own rooms, sessions and whom the provider means end together, in this transaction."""
    user, actor = _still(operation), _confirmer(operation)
    # Held until commit: an admission into another tenant that he agrees to at this moment is waited for, or waits and finds him closed.
    User.objects.select_for_update().get(id=user.id)
    _refuse_elsewhere(user, operation.tenant_id)
    User.objects.filter(id=user.id).update(is_active=False)
    Membership.objects.filter(user=user).delete()
    tokens = end_means_of(user.id, actor=actor, now=now)
    with platform_scope(user_id=user.id):
        open_ones = list(Session.objects.filter(user_id=user.id, ended_at__isnull=True))
    for session in open_ones:
        seats.end(session, End.FORCED, actor=actor, now=now, reason=operation.reason)
    # Whoever comes again gets another account, and the provider means that one.
    end_links(operation, live_links().filter(user=user), now)
    return {"tokens": tokens, "sessions": len(open_ones), **_changed(operation)}


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the confirmer decides on, with what holds before and after."""
    names = ("username", "role", "email", "company", "ends_at", "agrees", "roles_before", "roles_after")
    return {name: parameters[name] for name in names if name in parameters} | {"call": ""}


def _enter(
    kind: str, user: User, parameters: dict[str, Any], actor: Actor, now: datetime, reason: str
) -> Operation:
    target = OperationTarget("user", str(user.id), user.name)
    return entry.enter(kind, target, parameters, actor=actor, now=now, reason=reason)


def _member(user_id: UUID, actor: Actor) -> tuple[User, list[str]]:
    """A member of the actor's tenant other than himself, with his roles."""
    with tenant_scope(actor.tenant_id):
        rows = list(Membership.objects.filter(user_id=user_id).select_related("user"))
    if not rows:
        raise NotFound(type="user", id=str(user_id))
    actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
    refuse_own(user_id, actor=actor)
    return rows[0].user, sorted(row.role for row in rows)


def _still(operation: Operation) -> User:
    """The person, held until commit, if his roles are what the confirmer was shown and he does not confirm his own.

    Raises NotPermitted (own_rights), StaleContent (roles_changed).
    """
    if operation.confirmed_by_id == operation.target_id:
        raise NotPermitted("own_rights")
    rows = list(Membership.objects.filter(user_id=UUID(operation.target_id)).select_for_update(of=("self",)))
    if sorted(row.role for row in rows) != operation.parameters["roles_before"]:
        raise StaleContent("roles_changed", name=operation.target_name)
    return User.objects.get(id=UUID(operation.target_id))


def _give(operation: Operation, user: User, role: str, now: datetime) -> None:
    Membership(tenant_id=operation.tenant_id, user=user, role=role, granted_at=now).save(force_insert=True)


def _refuse_shared(user_id: UUID, role: str, tenant_id: UUID) -> None:
    """An account of several people only looks. Raises Refused (shared_only_looks)."""
    with tenant_scope(tenant_id):
        shared = MemberTerms.objects.filter(user_id=user_id, kind=AccountKind.SHARED).exists()
    if shared and role != Role.VIEWER:
        raise Refused("shared_only_looks")


def _refuse_closed(user: User) -> None:
    """Held until commit: an erasure that goes on at this moment (ADR 19) is waited for. Raises Refused (account_closed)."""
    if not User.objects.select_for_update().get(id=user.id).is_active:
        raise Refused("account_closed", name=user.name)


def _refuse_elsewhere(user: User, tenant_id: UUID) -> None:
    """Somebody who belongs to other tenants too is not this one's to close; where his days are over he belongs no more."""
    with platform_scope(user_id=user.id):
        elsewhere = Membership.own.filter(user=user).exclude(tenant_id=tenant_id)
        held = elsewhere.exclude(Exists(over_of_own())).exists()
    if held:
        raise Refused("belongs_elsewhere", name=user.name)


def _change(before: list[str], after: list[str]) -> dict[str, list[str]]:
    return {"roles_before": sorted(before), "roles_after": sorted(after)}


def _changed(operation: Operation) -> dict[str, list[str]]:
    """The roles as `_still` found them and as they are now, for the event: the report of changes is made of events."""
    return _change(operation.parameters["roles_before"], operation.parameters["roles_after"])


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError:
        raise Refused("bad_role") from None


def _confirmer(operation: Operation) -> Actor:
    return Actor(operation.tenant_id, ActorType.USER, operation.confirmed_by_id, operation.confirmed_by_name)
