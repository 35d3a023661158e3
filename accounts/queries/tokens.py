"""API tokens as their page lists them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.domain.permissions import Permission
from accounts.models import ApiToken
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound

ENDED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Tokens:
    """`live` let somebody in now; `ended` are the newest of those that do not any more."""

    live: Sequence[ApiToken]
    ended: Sequence[ApiToken]


def tokens_of(actor: Actor, now: datetime) -> Tokens:
    """One's own tokens; who may end sessions sees everybody's. Needs the tenant bound."""
    rows = ApiToken.objects.select_related("user").order_by("-made_at", "-id")
    if not actor.may(Permission.SESSION_END, actor.tenant_id):
        rows = rows.filter(user_id=UUID(actor.id))
    live = rows.filter(ended_at__isnull=True, expires_at__gt=now)
    return Tokens(list(live), list(rows.exclude(id__in=live.values("id"))[:ENDED_SHOWN]))


def get_token(token_id: UUID, *, actor: Actor) -> ApiToken:
    """A token that this person may see. Raises NotFound for every other one."""
    token: ApiToken | None = ApiToken.objects.filter(id=token_id).first()
    own = token is not None and str(token.user_id) == actor.id
    if token is None or not (own or actor.may(Permission.SESSION_END, actor.tenant_id)):
        raise NotFound(type="token", id=str(token_id))
    return token
