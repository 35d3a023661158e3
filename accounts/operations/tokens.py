"""API tokens: made by an operation of their own person, let in at each call, ended by him or an administrator."""

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.domain.addresses import is_within, read_networks
from accounts.domain.permissions import NOT_FOR_NO_ONE, Permission, permissions_of
from accounts.domain.tokens import (
    ISSUE,
    LIFE_LONGEST,
    MAKE,
    NAME_MAX,
    SECRET_BYTES,
    clean_networks,
    hash_of,
    is_with_factor,
    read_token,
    token_text,
)
from accounts.models import ApiToken, Membership, User
from accounts.operations import second_factor
from accounts.operations.turning_away import note_refused
from accounts.queries.sign_on import vouched_for
from accounts.queries.terms import is_emergency, is_machine, outside
from medical_audit.domain.actor import Actor, ActorType, Principal, Reauthentication, Subject
from medical_audit.domain.canonical import utc_text
from medical_audit.domain.errors import NotFound, Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.models import Operation
from medical_audit.operations import entry
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope

#: Its own use is written down at most so often.
USED_EVERY = timedelta(minutes=1)
#: A program may do none of these: it would be a way round the person who has to prove himself.
NEVER = frozenset({Permission.TOKEN_MAKE})
#: Who sees a resource sees what is under way with it.
IMPLIED = {str(Permission.RESOURCE_VIEW): str(Permission.OPERATION_VIEW)}


@dataclass(frozen=True, slots=True)
class Made:
    """An entered token and its text, which is kept nowhere: whoever shows it shows it once."""

    operation: Operation
    text: str


def enter_token(
    name: str,
    permissions: Sequence[str],
    networks: Sequence[str],
    expires_at: datetime,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
) -> Made:
    """Enter a token for oneself; it lets nobody in before its person has confirmed it.

    Raises NotPermitted, Refused (bad_name, bad_parameter, token_too_strong, token_too_long,
    token_in_the_past).
    """
    actor.require(Permission.TOKEN_MAKE, actor.tenant_id)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    parameters = _parameters(
        name, permissions, networks, expires_at, secret, allowed=actor.permissions, now=now
    )
    target = OperationTarget("token", str(uuid.uuid4()), parameters["name"])
    operation = entry.enter(MAKE, target, parameters, actor=actor, now=now, reason=reason)
    return Made(operation, token_text(actor.tenant_id, secret))


def make_token(
    name: str,
    permissions: Sequence[str],
    networks: Sequence[str],
    expires_at: datetime,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
    proof: Reauthentication,
) -> Made:
    """Enter and confirm a token for oneself, both or neither: one that was not confirmed would have a text that nobody saw.

    Raises as `enter_token` and `entry.confirm`, and Refused (token_needs_whole_proof).
    """
    with tenant_scope(actor.tenant_id):
        made = enter_token(name, permissions, networks, expires_at, actor=actor, now=now, reason=reason)
        entry.confirm(made.operation.id, actor=actor, now=now, seen_digest=made.operation.digest, proof=proof)
    return made


def enter_issue(
    user_id: UUID,
    name: str,
    networks: Sequence[str],
    expires_at: datetime,
    *,
    actor: Actor,
    now: datetime,
    reason: str,
) -> Made:
    """Enter a token for a program's own account, with what its roles may but decide; another person confirms it.

    From then on the actor has that account in hand, and is no second person for what it enters.

    Raises NotPermitted, NotFound, Refused (not_a_machine, and as `enter_token`).
    """
    with tenant_scope(actor.tenant_id):
        rows = list(Membership.objects.filter(user_id=user_id).select_related("user"))
        if not rows:
            raise NotFound(type="user", id=str(user_id))
        actor.require(Permission.MEMBER_EDIT, actor.tenant_id)
        actor.require_somebody()
        if not is_machine(user_id):
            raise Refused("not_a_machine", name=rows[0].user.name)
        allowed = permissions_of(tuple(row.role for row in rows))
        secret = secrets.token_urlsafe(SECRET_BYTES)
        # A program decides nothing: what its roles could confirm or judge is no part of its token.
        allowed -= NEVER | NOT_FOR_NO_ONE
        wanted = sorted(one for one in allowed if not one.endswith(".confirm"))
        parameters = _parameters(name, wanted, networks, expires_at, secret, allowed=allowed, now=now)
        target = OperationTarget("user", str(user_id), rows[0].user.name)
        operation = entry.enter(ISSUE, target, parameters, actor=actor, now=now, reason=reason)
    return Made(operation, token_text(actor.tenant_id, secret))


def apply_issue(operation: Operation, now: datetime) -> dict[str, Any]:
    """Raises Refused (not_a_machine)."""
    user_id = UUID(operation.target_id)
    if not is_machine(user_id):
        raise Refused("not_a_machine", name=operation.target_name)
    token_id = uuid.uuid4()
    _keep(operation, token_id, user_id, now)
    actor = Actor(operation.tenant_id, ActorType.USER, operation.confirmed_by_id, operation.confirmed_by_name)
    subject = Subject("token", str(token_id), operation.parameters["name"])
    whose = Principal(str(user_id), operation.target_name)
    record("token.issued", actor=actor, subject=subject, now=now, detail={"person": whose})
    return {}


def _parameters(
    name: str,
    permissions: Sequence[str],
    networks: Sequence[str],
    expires_at: datetime,
    secret: str,
    *,
    allowed: frozenset[str],
    now: datetime,
) -> dict[str, Any]:
    clean = name.strip()
    if not 1 <= len(clean) <= NAME_MAX or not clean.isprintable():
        raise Refused("bad_name", name=name[:NAME_MAX])
    wanted = sorted({*permissions, *(IMPLIED[one] for one in permissions if one in IMPLIED)})
    if not wanted or not set(wanted) <= allowed - NEVER:
        raise Refused("token_too_strong")
    if expires_at <= now:
        raise Refused("token_in_the_past")
    if expires_at > now + LIFE_LONGEST:
        raise Refused("token_too_long", days=LIFE_LONGEST.days)
    try:
        places = clean_networks(networks)
    except ValueError as error:
        raise Refused("bad_parameter", name="networks", allowed="203.0.113.0/24, 2001:db8::/32") from error
    return {
        "name": clean, "permissions": wanted, "networks": places, "expires_at": utc_text(expires_at),
        "hashed": hash_of(secret),
    }  # fmt: skip


def shown(target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    names = ("permissions", "networks", "expires_at")
    return {
        "sentence": MAKE if target.type == "token" else ISSUE,
        "call": "",
        **{name: parameters[name] for name in names},
    }


def apply(operation: Operation, now: datetime) -> dict[str, Any]:
    """A token works for a year without anybody: it takes what changing one's password takes, and no grace counts.

    Raises Refused (token_needs_whole_proof).
    """
    user = User.objects.get(id=UUID(operation.entered_by_id))
    proof = Reauthentication(str(user.id), operation.reauthentication, now)
    if not second_factor.proves_whole(proof, user, enrolled=second_factor.is_enrolled(user.id)):
        raise Refused("token_needs_whole_proof")
    _keep(operation, UUID(operation.target_id), user.id, now)
    return {}


def _keep(operation: Operation, token_id: UUID, user_id: UUID, now: datetime) -> None:
    given = operation.parameters
    ApiToken(
        id=token_id, tenant_id=operation.tenant_id, user_id=user_id,
        name=given["name"], hashed=given["hashed"], permissions=given["permissions"], networks=given["networks"],
        operation=str(operation.id), made_at=now, expires_at=datetime.fromisoformat(given["expires_at"]),
    ).save(force_insert=True)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Admitted:
    token: ApiToken
    user: User


def admit(text: str, *, address: str, now: datetime) -> Admitted | str:
    """Whose token this is, or why it lets nobody in: token_unknown, token_over, token_needs_sign_on or token_elsewhere (wrong network).

    Needs no scope of its own. A token is over when it expired or was ended, and when its person has no account or no
    role in the tenant any more, or lies in a sealed envelope. Where the tenant's provider is required, it rests like him (ADR 20).
    One that is known and let in nowhere is an event of its tenant.
    """
    presented = read_token(text)
    if presented is None:
        return "token_unknown"
    with tenant_scope(presented.tenant_id):
        found = ApiToken.objects.filter(hashed=presented.hashed).select_related("user")
        token: ApiToken | None = found.first()
        if token is None:
            return "token_unknown"
        if why := _refusal(token, address, now):
            note_refused(token, why, address=address, now=now)
            return why
        if token.used_at is None or now - token.used_at >= USED_EVERY or token.used_from != address:
            # Where another call of this token is just writing the same, waiting for it would be for nothing.
            free = ApiToken.objects.filter(id=token.id).select_for_update(skip_locked=True, of=("self",))
            ids = list(free.values_list("id", flat=True))
            ApiToken.objects.filter(id__in=ids).update(used_at=now, used_from=address[:64])
    return Admitted(token, token.user)


def _refusal(token: ApiToken, address: str, now: datetime) -> str:
    members = Membership.objects.exclude(user_id__in=outside().values("user_id"))
    member = members.filter(user_id=token.user_id).exists()
    over = token.ended_at is not None or token.expires_at <= now or not token.user.is_active
    if over or not member or is_emergency(token.user_id):
        return "token_over"
    if not vouched_for(token.user_id, now=now):
        return "token_needs_sign_on"
    if token.networks and not is_within(address, read_networks(token.networks)):
        return "token_elsewhere"
    return ""


def rests_on_two(token: ApiToken, *, day: date, zone: ZoneInfo) -> bool:
    """Whether a token counts where nobody comes in with a password alone: of a person made with a factor of his own, and he still has
    one; of a program, which shows none, issued by two people who had to show theirs, since that day. Needs the tenant bound.

    `day`: from which on that holds, in `zone`.
    """
    made: Operation | None = Operation.objects.filter(id=UUID(token.operation)).first()
    if made is None:
        return False
    if made.kind == ISSUE:
        return token.made_at.astimezone(zone).date() >= day and is_machine(token.user_id)
    return is_with_factor(made.reauthentication) and second_factor.is_enrolled(token.user_id)


def narrowed(actor: Actor, token: ApiToken) -> Actor:
    """The person as this token lets him act: what he may right now, and of that only what the token was made for."""
    allowed = actor.permissions & set(token.permissions)
    return replace(actor, permissions=frozenset(allowed), session=token.session)
