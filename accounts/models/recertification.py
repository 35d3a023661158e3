"""Rounds in which every right of a tenant is looked at anew."""

import uuid

from django.db import models

from accounts.domain.recertifying import Decision
from accounts.models.user import User
from medical_audit.tenancy import TenantModel


class Recertification(TenantModel):
    """One round, for one quarter (`name`, like "2026-Q4"); closed when every item is decided."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=10)
    begun_at = models.DateTimeField()
    begun_by_name = models.CharField(max_length=200)
    due_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="recertification_once_a_quarter")
        ]


class RecertificationItem(TenantModel):
    """One right of one person as it stood when the round began, and what somebody else decided on it.

    PostgreSQL holds that nobody decides on his own, and that what is decided stays so; only what was to be taken by an operation
    that came to nothing is open again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recertification = models.ForeignKey(Recertification, on_delete=models.PROTECT, related_name="items")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20)
    granted_at = models.DateTimeField()
    decision = models.CharField(max_length=5, choices=[(one, one) for one in Decision], default=Decision.OPEN)
    decided_by_id = models.CharField(max_length=64, blank=True)
    decided_by_name = models.CharField(max_length=200, blank=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    operation = models.CharField(max_length=36, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "recertification", "user", "role"], name="recertified_once"
            )
        ]
