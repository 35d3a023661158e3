"""A customer, and who belongs to it."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.domain.permissions import Role
from accounts.models.user import User
from medical_audit.tenancy import TenantManager, TenantModel


class Tenant(models.Model):
    """One customer; its slug stands in every URL. Row-level security shows it to its members only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    colour = models.CharField(max_length=7, default="#2f6fde")
    time_zone = models.CharField(max_length=40, default="Asia/Tokyo")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Membership(TenantModel):
    """One role of one person in one tenant."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, choices=[(r, r) for r in Role])
    granted_at = models.DateTimeField()

    objects: ClassVar[TenantManager] = TenantManager()
    #: Across tenants, for the tenant picker: row-level security lets through the bound user's own rows only.
    own: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "user", "role"], name="membership_once")]
        indexes = [models.Index(fields=["user", "tenant_id"], name="membership_of_user")]
