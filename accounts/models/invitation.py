"""One-time links by which a person gives himself a password."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.domain.reissue import Reissue
from accounts.models.user import User
from medical_audit.tenancy import TenantManager, TenantModel


class Invitation(TenantModel):
    """A link for one person, made by a confirmed operation; it opens the door once.

    Only hashes are kept: `hashed` of what the enterer was shown, `code_hashed` of what the confirmer was.
    `reissues`: what somebody who has an account already gets anew by it (`domain.reissue`), "" for the first password.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    hashed = models.CharField(max_length=64, unique=True)
    code_hashed = models.CharField(max_length=64, blank=True, default="")
    operation = models.CharField(max_length=36)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    reissues = models.CharField(
        max_length=10, blank=True, default="", choices=[(one, one) for one in Reissue]
    )

    objects: ClassVar[TenantManager] = TenantManager()
    #: Across tenants: row-level security lets through the bound person's own rows only.
    own: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant_id", "user", "-made_at"], name="invitation_of_person")]
