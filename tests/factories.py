"""People and tenants for tests, made through the same operations that everybody uses."""

from __future__ import annotations

import itertools
import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import psycopg
from django.db import connection

from accounts.domain.permissions import Role
from accounts.models import Tenant, User
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
    with platform_scope():
        people = {role: make_person(str(role), now) for role in Role}
        stranger = make_person("stranger", now)
    settle(tenant, people, now)
    settle(other, dict.fromkeys(Role, stranger), now)
    return Cast(tenant, people, stranger, other)


def settle(tenant: Tenant, people: dict[Role, User], now: datetime = MONDAY_0830) -> None:
    """Give everybody his first role."""
    with tenant_scope(tenant.id):
        for role, user in people.items():
            grant_first(tenant.id, user, role, now=now, founder="test")


def revoke(tenant_id: UUID, user: User) -> None:
    """Take every role of a person in a tenant away, past every guard."""
    past_every_guard(
        "DELETE FROM accounts_membership WHERE tenant_id = %s AND user_id = %s", [tenant_id, user.id]
    )


def grant(tenant_id: UUID, user: User, role: Role) -> None:
    """Give a person a role in a tenant that is at work already, past every guard."""
    past_every_guard(
        "INSERT INTO accounts_membership (tenant_id, id, user_id, role, granted_at) VALUES (%s, %s, %s, %s, now())",
        [tenant_id, uuid.uuid4(), user.id, str(role)],
    )


def past_every_guard(statement: str, values: list[object]) -> None:
    """As only a superuser can, in a transaction of its own."""
    parts = urlsplit(os.environ["DATABASE_SUPERUSER_URL"])
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    with psycopg.connect(
        dbname=connection.settings_dict["NAME"], autocommit=True, host=host, port=parts.port or 5432,
        user=parts.username or "", password=parts.password or "",
    ) as database:  # fmt: skip
        database.execute("SET session_replication_role = replica")
        database.execute(statement, values)


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


def told(kind: str, subject_id: str) -> int:
    """How often the platform's own ledger, which belongs to no tenant, says this of somebody."""
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM ledger.event WHERE tenant_id = %s AND kind = %s AND subject_id = %s",
            [NO_TENANT, kind, subject_id],
        )
        return int(cursor.fetchone()[0])
