"""Questions to the ledger that a person asks again and again."""

import uuid

from django.db import models

from medical_audit.tenancy import TenantModel


class SavedSearch(TenantModel):
    """One person's own: `query` is the part of the page's address behind the question mark."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person_id = models.CharField(max_length=80)
    name = models.CharField(max_length=80)
    query = models.CharField(max_length=1500)
    saved_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "person_id", "name"], name="saved_search_once")
        ]
