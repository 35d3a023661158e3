"""On what terms somebody belongs to a tenant; no row: staff, without an end."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from accounts.domain.terms import AccountKind
from accounts.models.user import User
from medical_audit.tenancy import TenantManager, TenantModel


class MemberTerms(TenantModel):
    """One person's kind and validity in one tenant, as two people decided it.

    `begins_at`, `ends_at`: within them only he is let in; `ended_at`: when sessions and tokens were ended because it was over.
    `email` is what an identity provider of this tenant recognises him by: no other tenant can set it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=[(one, one) for one in AccountKind])
    begins_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    email = models.EmailField(blank=True)
    company = models.CharField(max_length=100, blank=True)
    holder_id = models.CharField(max_length=36, blank=True)
    holder_name = models.CharField(max_length=100, blank=True)
    operation = models.CharField(max_length=36)
    changed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[TenantManager] = TenantManager()
    #: Across tenants: row-level security lets through the bound person's own rows only.
    own: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "user"], name="member_terms_once")]
        indexes = [
            models.Index(
                fields=["tenant_id", "ends_at"],
                condition=Q(ended_at__isnull=True),
                name="member_terms_running",
            )
        ]
