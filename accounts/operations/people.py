"""Founding a tenant and its first people: what an installation starts with, before anybody can confirm anything."""

import uuid
from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password

from accounts.domain.permissions import Role
from accounts.models import Membership, Tenant, User
from medical_audit.domain.actor import NO_TENANT, Subject, system_actor
from medical_audit.operations.ledger import record
from medical_audit.tenancy import tenant_scope, within


def found_tenant(slug: str, name: str, *, colour: str, now: datetime, founder: str) -> Tenant:
    """Make a tenant; `founder` names the person or command that did it, in the tenant's own ledger."""
    tenant = Tenant(id=uuid.uuid4(), slug=slug, name=name, colour=colour, created_at=now)
    with tenant_scope(tenant.id):
        tenant.save(force_insert=True)
        record(
            "tenant.founded",
            actor=system_actor(tenant.id, founder),
            subject=Subject("tenant", str(tenant.id), name),
            now=now,
        )
    return tenant


def make_user(username: str, name: str, password: str, *, now: datetime, founder: str) -> User:
    """A person without any right yet; `founder` stands in the platform's own ledger, for he has no tenant."""
    user = User(username=username, name=name, password=make_password(password), created_at=now)
    with within(NO_TENANT):
        user.save(force_insert=True)
        record(
            "user.created",
            actor=system_actor(NO_TENANT, founder),
            subject=Subject("user", str(user.id), name),
            now=now,
        )
    return user


def grant_first(tenant_id: UUID, user: User, role: Role, *, now: datetime, founder: str) -> Membership:
    """A role given at the founding, recorded as such."""
    with within(tenant_id):
        before = sorted(Membership.objects.filter(user=user).values_list("role", flat=True))
        membership = Membership(tenant_id=tenant_id, user=user, role=role, granted_at=now)
        membership.save(force_insert=True)
        record(
            "member.granted",
            actor=system_actor(tenant_id, founder),
            subject=Subject("user", str(user.id), user.name),
            now=now,
            detail={
                "role": str(role),
                "roles_before": before,
                "roles_after": sorted([*before, str(role)]),
            },
        )
    return membership
