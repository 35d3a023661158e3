"""What a call of the API was answered, kept for a day, so that the same call sent again is not a second one."""

import uuid

from django.db import models

from medical_audit.tenancy import TenantModel


class StoredAnswer(TenantModel):
    """`caller` is the token or session that sent the `key`; `content` a keyed hash of what it sent, never the text; `version` stands
    in its ETag."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    caller = models.CharField(max_length=100)
    key = models.CharField(max_length=64)
    content = models.CharField(max_length=64)
    status = models.IntegerField(null=True)
    answer = models.JSONField(null=True)
    version = models.CharField(max_length=80, blank=True, default="")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "caller", "key"], name="answer_once")]
        indexes = [models.Index(fields=["tenant_id", "expires_at"], name="answer_expires")]
