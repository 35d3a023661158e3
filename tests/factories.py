"""People and tenants for tests, made through the same operations that everybody uses."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from accounts.domain.permissions import Role
from accounts.models import Membership, Tenant, User
from accounts.operations.people import found_tenant, grant_first, make_user
from accounts.queries.people import actor_in
from infra.domain.holiday_files import ListSource
from infra.operations.holiday_lists import set_feed
from medical_audit.domain.actor import NO_TENANT, Actor, Reauthentication, Subject, system_actor
from medical_audit.operations.ledger import record
from medical_audit.tenancy import platform_scope, tenant_scope

PASSWORD = "correct-horse-battery-7"
#: Monday 2026-11-30 08:30 JST, an ordinary working day.
MONDAY_0830 = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
_numbers = itertools.count(1)


def unique() -> str:
    """A number no other test of any worker uses."""
    return f"{os.getpid()}-{next(_numbers)}"


@dataclass(frozen=True)
class Cast:
    """Everybody a story needs: the tenant's people by role, and a stranger with every right in a tenant of his own."""

    tenant: Tenant
    people: dict[Role, User]
    stranger: User
    other_tenant: Tenant

    def actor(self, role: Role) -> Actor:
        """One of the tenant's people as actor, with the rights he has right now."""
        with tenant_scope(self.tenant.id):
            return actor_in(self.tenant, self.people[role], session="s-1", address="192.0.2.7", request="r-1")

    @property
    def stranger_actor(self) -> Actor:
        with tenant_scope(self.other_tenant.id):
            return actor_in(
                self.other_tenant, self.stranger, session="s-2", address="192.0.2.8", request="r-2"
            )


def make_person(name: str, now: datetime = MONDAY_0830) -> User:
    return make_user(f"{name}-{unique()}", name, PASSWORD, now=now, founder="test")


def make_tenant(now: datetime = MONDAY_0830) -> Tenant:
    return found_tenant(f"t{unique()}", f"テナント{unique()}", colour="#2f6fde", now=now, founder="test")


def make_cast(now: datetime = MONDAY_0830) -> Cast:
    tenant, other = make_tenant(now), make_tenant(now)
    people = {role: make_person(str(role), now) for role in Role}
    for role, user in people.items():
        grant_first(tenant.id, user, role, now=now, founder="test")
    stranger = make_person("stranger", now)
    for role in Role:
        grant_first(other.id, stranger, role, now=now, founder="test")
    return Cast(tenant, people, stranger, other)


def revoke(tenant_id: UUID, user: User) -> None:
    """Take every role of a person in a tenant away."""
    with tenant_scope(tenant_id):
        Membership.objects.filter(user=user).delete()
        _told("member.revoked", tenant_id, user)


def change(user: User, **values: Any) -> None:
    """Change a person as the platform's staff does: disable him, take his password."""
    with platform_scope():
        User.objects.filter(id=user.id).update(**values)
        _told("user.changed", NO_TENANT, user)


def _told(kind: str, tenant_id: UUID, user: User) -> None:
    subject = Subject("user", str(user.id), user.name)
    record(kind, actor=system_actor(tenant_id, "test"), subject=subject, now=MONDAY_0830)


def proof(actor: Actor, now: datetime) -> Reauthentication:
    """What a right password gives."""
    return Reauthentication(user_id=actor.id, method="password", at=now)


def make_feed(tenant_id: UUID) -> None:
    """An address from which the tenant's list of holidays is fetched, as a planner keeps it."""
    planner = system_actor(tenant_id, "test", frozenset({"calendar.edit"}))
    set_feed(ListSource.CABINET, "https://example.com/", actor=planner, now=MONDAY_0830)
