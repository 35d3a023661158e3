"""Members of a tenant as its page lists them, and the table of roles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from accounts.domain.permissions import ROLE_PERMISSIONS, Permission, Role
from accounts.models import ApiToken, Invitation, Membership, MemberTerms, User
from accounts.queries.terms import outside
from medical_audit.domain.actor import Actor
from medical_audit.domain.rights import OPERATION_VIEW
from medical_audit.domain.states import State
from medical_audit.models import Operation, Visit


@dataclass(frozen=True, slots=True)
class Person:
    """One member. `terms`: None for staff without an end; `outside`: not let in now. `last_here`: when he last entered this tenant; `invited`: his link is still unused; `waiting`: a change of
    his roles waits for its confirmation."""

    user: User
    roles: tuple[str, ...]
    last_here: datetime | None
    invited: bool
    waiting: Operation | None
    terms: MemberTerms | None = None
    outside: bool = False
    last_used: datetime | None = None


def list_members(*, actor: Actor, now: datetime) -> list[Person]:
    """Everybody who belongs to the tenant, by name. Raises NotPermitted. Needs the tenant bound."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    roles: dict[User, list[str]] = {}
    for row in Membership.objects.select_related("user").order_by("user__name", "user_id"):
        roles.setdefault(row.user, []).append(row.role)
    visits = Visit.objects.values("user_id").annotate(last=Max("entered_at"))
    last = {row["user_id"]: row["last"] for row in visits}
    links = set(
        Invitation.objects.filter(used_at__isnull=True, expires_at__gt=now, reissues="").values_list(
            "user_id", flat=True
        )
    )
    open_ones = Operation.objects.filter(kind__startswith="member.", state=State.ENTERED)
    waiting = {one.target_id: one for one in open_ones.order_by("-entered_at")}
    tokens = ApiToken.objects.filter(used_at__isnull=False).values("user_id").annotate(last=Max("used_at"))
    used = {row["user_id"]: row["last"] for row in tokens}
    terms = {row.user_id: row for row in MemberTerms.objects.all()}
    out = set(outside().values_list("user_id", flat=True))
    return [
        Person(
            user,
            tuple(sorted(held)),
            last.get(user.id),
            user.id in links,
            waiting.get(str(user.id)),
            terms.get(user.id),
            user.id in out,
            used.get(user.id),
        )
        for user, held in roles.items()
    ]


@dataclass(frozen=True, slots=True)
class RightRow:
    """One permission and, role by role, whether it has it."""

    permission: str
    held: Sequence[bool]


def table_of_roles() -> list[RightRow]:
    """Every permission against every role, in the order of the table in accounts.domain.permissions."""
    return [RightRow(str(one), [one in ROLE_PERMISSIONS[role] for role in Role]) for one in Permission]
