"""Who somebody is in a tenant, with the rights he has at this moment."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, Exists, F, Func, Value

from accounts.domain.permissions import EMERGENCY_PERMISSIONS, NOT_FOR_NO_ONE, Role, permissions_of
from accounts.domain.terms import AccountKind
from accounts.models import Membership, Tenant, User
from accounts.queries.terms import NO_ONE, kind_of, outside, outside_of_own
from medical_audit.domain.actor import ENVELOPE, NO_TENANT, Actor, ActorType
from medical_audit.domain.emergencies import ROLE as EMERGENCY
from medical_audit.domain.errors import NotFound
from medical_audit.domain.people import Member
from medical_audit.queries.emergencies import open_right
from medical_audit.tenancy import platform_scope


def tenants_of(user: User, *, via: UUID | None = None) -> list[tuple[Tenant, tuple[str, ...]]]:
    """Every tenant of a person with his roles there, by name; needs a scope bound to this user.

    `via`: the tenant whose provider vouched for the session; it is told of no other, as it opens no other.
    """
    own = Membership.own.filter(user=user).exclude(Exists(outside_of_own()))
    own = own.filter(tenant_id=via) if via is not None else own
    roles: dict[UUID, list[str]] = {}
    for tenant_id, role in own.values_list("tenant_id", "role"):
        roles.setdefault(tenant_id, []).append(role)
    return [
        (tenant, tuple(sorted(roles[tenant.id])))
        for tenant in Tenant.objects.filter(id__in=roles).order_by("name")
    ]


def person_ids() -> list[UUID]:
    """Everybody who has an account, for processes that serve them in turn."""
    with platform_scope():
        return list(User.objects.order_by("id").values_list("id", flat=True))


def tenant_ids() -> list[UUID]:
    """Every tenant's id, for processes that serve them in turn; no other role may ask."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id FROM queue.tenants()")
        return [row[0] for row in cursor.fetchall()]


def get_tenant(slug: str) -> Tenant:
    """A tenant that the bound user belongs to; missing and foreign raise the same NotFound."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise NotFound(type="tenant")
    return tenant


def actor_in(tenant: Tenant, user: User, *, session: str, address: str, request: str) -> Actor:
    """The person as actor of the bound tenant. No membership, or one that has not begun or is over: NotFound, as for a tenant that
    does not exist."""
    rows = Membership.objects.filter(user=user).exclude(user_id__in=outside().values("user_id"))
    rows = rows.annotate(emergency=Exists(open_right(str(user.id))), account=kind_of("user_id"))
    held = list(rows.order_by("role").values_list("role", "emergency", "account"))
    roles = tuple(role for role, _opened, _kind in held)
    if not roles or not user.is_active:
        raise NotFound(type="tenant")
    _role, opened, kind = held[0]
    permissions, no_one = _may(roles, kind, opened), NO_ONE.get(kind, "")
    if opened and no_one in ("", ENVELOPE):
        roles = (*roles, EMERGENCY)
    return Actor(
        tenant_id=tenant.id,
        type=ActorType.USER,
        id=str(user.id),
        name=user.name,
        roles=roles,
        permissions=permissions,
        session=session,
        address=address,
        request=request,
        no_one=no_one,
    )


def _may(roles: tuple[str, ...], kind: str | None, opened: bool) -> frozenset[str]:
    """What an account may at this moment. One that lies in an envelope may nothing; opened, what the emergency right gives, whatever
    its roles: it would be a second person that one person can be."""
    emergency = frozenset(str(one) for one in EMERGENCY_PERMISSIONS) if opened else frozenset()
    if kind == AccountKind.EMERGENCY:
        return emergency
    own = permissions_of(roles)
    return own - NOT_FOR_NO_ONE if kind in NO_ONE else own | emergency


def name_to_keep(username: str) -> str:
    """What a failed sign-in records. Of a name that nobody has only the beginning: people type passwords into that field.
    Two letters of Latin; two of Japanese would be a family name."""
    known = User.objects.filter(username__iexact=username).exists()
    return username if known else f"{username[: 2 if username.isascii() else 0]}…"


def person_without_tenant(user: User | None, name: str, *, session: str, address: str, request: str) -> Actor:
    """The person at the door: signing in or out, where no tenant is bound and nothing else is allowed."""
    return Actor(
        tenant_id=NO_TENANT,
        type=ActorType.USER,
        id=str(user.id) if user else "",
        name=user.name if user else name[:60],
        session=session,
        address=address,
        request=request,
    )


class People:
    """The directory that the floor below asks (medical_audit.domain.people)."""

    def members(self, tenant_id: UUID) -> list[Member]:
        rows = Membership.objects.filter(tenant_id=tenant_id, user__is_active=True)
        rows = rows.exclude(user_id__in=outside().values("user_id"))
        rows = rows.annotate(account=kind_of("user_id"))
        found: dict[str, tuple[str, str, list[str]]] = {}
        for user_id, name, role, kind in rows.values_list("user_id", "user__name", "role", "account"):
            found.setdefault(str(user_id), (name, NO_ONE.get(kind, ""), []))[2].append(role)
        people = [
            Member(key, name, tuple(sorted(roles)), no_one) for key, (name, no_one, roles) in found.items()
        ]
        return sorted(people, key=lambda one: (one.name, one.id))

    def roles_with(self, permission: str) -> tuple[str, ...]:
        return tuple(str(role) for role in Role if permission in permissions_of((role,)))

    def holds(self, tenant_id: UUID, user_id: str, permission: str, role: str) -> bool:
        """Asked again right before an operation is called; needs the tenant bound."""
        rows = Membership.objects.filter(tenant_id=tenant_id, user_id=user_id, user__is_active=True)
        rows = rows.exclude(user_id__in=outside().values("user_id"))
        held = list(rows.annotate(account=kind_of("user_id")).values_list("role", "account"))
        roles, kind = tuple(role for role, _kind in held), str(held[0][1] or "") if held else ""
        if not roles or NO_ONE.get(kind, "") not in ("", ENVELOPE):
            return False
        permissions = _may(roles, kind, open_right(user_id).exists())
        return permission in permissions and (not role or role in roles)

    def in_hands_of(
        self, tenant_id: UUID, person_id: str, accounts: Collection[str], *, since: datetime | None = None
    ) -> frozenset[str]:
        """Needs the tenant bound. PostgreSQL's own rule is asked, by which it refuses a confirmation."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT one FROM unnest(%s::text[]) AS one WHERE public.accounts_in_hands(%s, one, %s, %s::timestamptz)",
                [list(accounts), tenant_id, person_id, since or "-infinity"],
            )
            return frozenset(str(one) for (one,) in cursor.fetchall())

    def has_enterer_in_hand(self, person_id: str) -> Func:
        return Func(
            F("tenant_id"), F("entered_by_id"), Value(person_id), F("entered_at"),
            function="public.accounts_in_hands", output_field=BooleanField(),
        )  # fmt: skip
