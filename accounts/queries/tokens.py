"""API tokens as their page lists them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.domain.permissions import Permission
from accounts.domain.tokens import ISSUE, MAKE, is_with_factor
from accounts.models import ApiToken
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import NotFound
from medical_audit.models import Operation

ENDED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Tokens:
    """`live` let somebody in now; `ended` are the newest of those that do not any more; `alone`: ids of live ones that a password alone
    made."""

    live: Sequence[ApiToken]
    ended: Sequence[ApiToken]
    alone: Collection[UUID]


def tokens_of(actor: Actor, now: datetime) -> Tokens:
    """One's own tokens; who may end sessions sees everybody's. Needs the tenant bound."""
    rows = ApiToken.objects.select_related("user").order_by("-made_at", "-id")
    if not actor.may(Permission.SESSION_END, actor.tenant_id):
        rows = rows.filter(user_id=UUID(actor.id))
    live = rows.filter(ended_at__isnull=True, expires_at__gt=now)
    found = list(live)
    return Tokens(found, list(rows.exclude(id__in=live.values("id"))[:ENDED_SHOWN]), made_alone(found))


def made_alone(rows: Sequence[ApiToken]) -> set[UUID]:
    """Which of these tokens their own person made with a password alone: they count for nothing from the day on from which the
    tenant asks for a second factor. Needs the tenant bound."""
    made = Operation.objects.filter(id__in=[UUID(one.operation) for one in rows])
    how = {str(pk): (kind, method) for pk, kind, method in made.values_list("id", "kind", "reauthentication")}
    return {one.id for one in rows if not _is_strong(*how.get(one.operation, (MAKE, "")))}


def _is_strong(kind: str, method: str) -> bool:
    return kind == ISSUE or is_with_factor(method)


def get_token(token_id: UUID, *, actor: Actor) -> ApiToken:
    """A token that this person may see. Raises NotFound for every other one."""
    token: ApiToken | None = ApiToken.objects.filter(id=token_id).first()
    own = token is not None and str(token.user_id) == actor.id
    if token is None or not (own or actor.may(Permission.SESSION_END, actor.tenant_id)):
        raise NotFound(type="token", id=str(token_id))
    return token
