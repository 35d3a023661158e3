"""Tokens by which a program acts for a person, in one tenant."""

import uuid

from django.db import models

from accounts.models.user import User
from medical_audit.tenancy import TenantModel


class ApiToken(TenantModel):
    """One program's way in as one person: never the secret, only its hash.

    `permissions` bound what the person may at the moment of each call, `networks` (empty: any) where it may come from.
    It begins with the operation that its person confirmed; it ends at `expires_at`, when somebody ends it, or with the
    person's membership or account.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    hashed = models.CharField(max_length=64, unique=True)
    permissions = models.JSONField()
    networks = models.JSONField(default=list)
    operation = models.CharField(max_length=36)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_from = models.CharField(max_length=64, blank=True)
    #: Where and why it was turned away within the last hour, and when that was written down.
    refusals = models.JSONField(default=dict)
    ended_at = models.DateTimeField(null=True)
    ended_by_name = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant_id", "user", "-made_at"], name="token_of_person")]

    @property
    def session(self) -> str:
        """What stands in the ledger where a browser's session would."""
        return f"token-{self.id.hex[:10]}"
