"""Projects as people declare them: whose they are, and which resources belong to them."""

import uuid

from django.db import models

from medical_audit.tenancy import TenantModel


class Project(TenantModel):
    """Resources whose tag `tag_key` has one of `tag_values` (a value may end with *) belong to it; made by a confirmed operation.

    Resources know their project by its name, as schedules, overrides and ticket rules do.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=300)
    owner = models.CharField(max_length=200)
    tag_key = models.CharField(max_length=128)
    tag_values = models.JSONField(default=list)
    operation = models.CharField(max_length=36)
    confirmed_by_name = models.CharField(max_length=200)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "name"], name="project_name_once")]

    def __str__(self) -> str:
        return self.name
