"""One-time links by which a person gives himself a password."""

import uuid

from django.db import models

from accounts.models.user import User
from medical_audit.tenancy import TenantModel


class Invitation(TenantModel):
    """A link for one person, made by a confirmed operation; only its hash is kept, and it opens the door once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    hashed = models.CharField(max_length=64, unique=True)
    operation = models.CharField(max_length=36)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant_id", "user", "-made_at"], name="invitation_of_person")]
