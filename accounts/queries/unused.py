"""Rights that somebody holds and has not used for a quarter: what the operations and the ledger say of their use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Max

from accounts.domain.permissions import ROLE_PERMISSIONS, Permission, Role
from accounts.models import ApiToken, Membership, User
from medical_audit.domain.actor import Actor
from medical_audit.domain.kinds import all_kinds
from medical_audit.domain.reading import READING
from medical_audit.domain.rights import OPERATION_VIEW
from medical_audit.models import Event, Operation, Visit

UNUSED_FOR: Final = timedelta(days=90)
#: What everybody may who may come in: being here is its use.
PRESENT: Final = frozenset(
    {Permission.RESOURCE_VIEW, Permission.OPERATION_VIEW, Permission.OWN_CHANGE, Permission.TOKEN_MAKE}
)
#: Rights whose use is an event and no operation.
TOLD: Final[Mapping[str, Permission]] = {
    **dict.fromkeys(
        (*READING, "ledger.exported", "ledger.export_asked", "ledger.verification_asked"), Permission.LEDGER_VIEW,
    ),
    **dict.fromkeys(("review.begun", "review.judged"), Permission.REVIEW),
    **dict.fromkeys(("ticket.retried", "ticket.discarded", "ticket.taken"), Permission.TICKET_DECIDE),
    **dict.fromkeys(("price.set", "price.removed"), Permission.PRICE_EDIT),
    "operation.rejected": Permission.OPERATION_REJECT,
    "operation.cancelled": Permission.OPERATION_CANCEL,
    "redmine.drafted": Permission.TICKET_EDIT,
    "member.reconciled": Permission.MEMBER_EDIT,
    "member.recertified": Permission.MEMBER_EDIT,
}  # fmt: skip

Uses = dict[tuple[str, str], datetime]


@dataclass(frozen=True, slots=True)
class Held:
    """One role of one person; `used_at`: the newest use of what it gives beyond looking and beyond his lesser roles, None for none in the
    quarter."""

    user: User
    role: str
    granted_at: datetime
    used_at: datetime | None
    unused: bool


def held_rights(*, actor: Actor, now: datetime) -> list[Held]:
    """Every role in the tenant with its last use, unused ones first. Raises NotPermitted. Needs the tenant bound."""
    actor.require(OPERATION_VIEW, actor.tenant_id)
    since = now - UNUSED_FOR
    rows = list(Membership.objects.select_related("user").order_by("user__name", "user_id", "role"))
    uses = _uses({str(row.user_id) for row in rows}, since)
    roles: dict[UUID, set[Role]] = {}
    for row in rows:
        roles.setdefault(row.user_id, set()).add(Role(row.role))
    found = [_held(row, roles[row.user_id], uses, since) for row in rows if row.user.is_active]
    return sorted(found, key=lambda one: not one.unused)


def counted(role: Role, held: Collection[Role]) -> frozenset[Permission]:
    """Whose use is the use of this role, for somebody who holds these: what it gives and no lesser one of his does. Looking is the use of
    a viewer's role, reading the record that of an auditor's."""
    if role == Role.VIEWER:
        return PRESENT
    gives = ROLE_PERMISSIONS[role]
    lesser = [ROLE_PERMISSIONS[one] for one in held if len(ROLE_PERMISSIONS[one]) < len(gives)]
    looking = PRESENT if role == Role.AUDITOR else PRESENT | {Permission.LEDGER_VIEW}
    return gives - looking - frozenset().union(*lesser)


def _held(row: Membership, roles: Collection[Role], uses: Uses, since: datetime) -> Held:
    times = [
        at
        for one in counted(Role(row.role), roles)
        if (at := uses.get((str(row.user_id), str(one)))) is not None
    ]
    last = max(times, default=None)
    return Held(row.user, row.role, row.granted_at, last, last is None and row.granted_at <= since)


def _uses(people: set[str], since: datetime) -> Uses:
    """(person, permission) -> its newest use since then."""
    uses: Uses = {}
    kinds = {kind.name: kind for kind in all_kinds()}
    entered = Operation.objects.filter(entered_by_id__in=people, entered_at__gte=since)
    for person, kind, at in _newest(entered, "entered_by_id", "kind", "entered_at"):
        if kind in kinds:
            _note(uses, person, kinds[kind].enter_permission, at)
    confirmed = Operation.objects.filter(confirmed_by_id__in=people, confirmed_at__gte=since)
    for person, kind, at in _newest(confirmed, "confirmed_by_id", "kind", "confirmed_at"):
        if kind in kinds:
            _note(uses, person, kinds[kind].confirm_permission, at)
    told = Event.objects.filter(actor_id__in=people, kind__in=TOLD, event_at__gte=since)
    for person, kind, at in _newest(told, "actor_id", "kind", "event_at"):
        _note(uses, person, TOLD[kind], at)
    ids = [UUID(one) for one in people]
    here = Visit.objects.filter(user_id__in=ids, active_at__gte=since).values_list("user_id")
    called = ApiToken.objects.filter(user_id__in=ids, used_at__gte=since).values_list("user_id")
    for person, at in (*here.annotate(at=Max("active_at")), *called.annotate(at=Max("used_at"))):
        for one in PRESENT:
            _note(uses, str(person), one, at)
    return uses


def _newest(rows: object, person: str, kind: str, at: str) -> Iterable[tuple[str, str, datetime]]:
    found: Iterable[tuple[str, str, datetime]] = rows.values_list(person, kind).annotate(newest=Max(at))  # type: ignore[attr-defined]
    return found


def _note(uses: Uses, person: str, permission: str, at: datetime) -> None:
    known = uses.get((person, str(permission)))
    uses[person, str(permission)] = max(known, at) if known else at
