"""API tokens end: by hand, with their person's place in a tenant, and with the password that alone made them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from accounts.domain.permissions import Permission
from accounts.models import ApiToken, Membership
from accounts.queries.tokens import made_alone
from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.errors import AlreadyMoved, NotFound
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope, tenant_scope


def end_token(token_id: UUID, *, actor: Actor, now: datetime) -> None:
    """End a token at once: its person, or who may end sessions. Raises NotFound, NotPermitted, AlreadyMoved."""
    with tenant_scope(actor.tenant_id):
        token: ApiToken | None = ApiToken.objects.filter(id=token_id).select_for_update().first()
        if token is None:
            raise NotFound(type="token", id=str(token_id))
        own = str(token.user_id) == actor.id
        actor.require(Permission.OWN_CHANGE if own else Permission.SESSION_END, actor.tenant_id)
        if token.ended_at is not None:
            raise AlreadyMoved("token_over")
        _end([token], actor, now)


def end_tokens_of(user_id: UUID, *, actor: Actor, now: datetime) -> int:
    """End every open token of a person in the actor's tenant, with what ends his place there; returns how many."""
    with tenant_scope(actor.tenant_id):
        return _end(_open(user_id), actor, now)


def end_tokens_made_alone(user_id: UUID, *, actor: Actor, now: datetime) -> int:
    """End those open tokens of a person, in each of his tenants, that a password alone made: whoever knew it may have made them.

    For the moment at which that password, or that it stands alone, is over (ADR 14); returns how many.
    """
    with platform_scope(user_id=user_id):
        tenants = sorted(set(Membership.own.filter(user_id=user_id).values_list("tenant_id", flat=True)))
    ended = 0
    for tenant_id in tenants:
        with tenant_scope(tenant_id, user_id=user_id):
            rows = _open(user_id, "operation")
            alone = made_alone(rows)
            ended += _end([one for one in rows if one.id in alone], replace(actor, tenant_id=tenant_id), now)
    return ended


def _open(user_id: UUID, *more: str) -> list[ApiToken]:
    """Locked until commit; `more`: columns besides id and name, which are all that the clock may read."""
    rows = ApiToken.objects.filter(user_id=user_id, ended_at__isnull=True)
    return list(rows.only("id", "name", *more).order_by("id").select_for_update())


def _end(rows: Sequence[ApiToken], actor: Actor, now: datetime) -> int:
    for token in rows:
        ApiToken.objects.filter(id=token.id).update(ended_at=now, ended_by_name=actor.name)
        record("token.ended", actor=actor, subject=Subject("token", str(token.id), token.name), now=now)
    return len(rows)
