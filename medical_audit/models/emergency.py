"""Emergency rights that were opened: for whom, why, by whom, until when, and what the review afterwards said."""

import uuid

from django.db import models
from django.db.models import Q

from medical_audit.domain.emergencies import Closing
from medical_audit.tenancy import TenantModel


class Emergency(TenantModel):
    """One opening. It is open from `opened_at` until before `closes_at`, unless it was closed by hand before.

    `operation` is the one that opened it, `review_operation` the newest one that reviews it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person_id = models.CharField(max_length=64)
    person_name = models.CharField(max_length=200)
    reason = models.TextField()
    asked_by_name = models.CharField(max_length=200)
    opened_by_id = models.CharField(max_length=64)
    opened_by_name = models.CharField(max_length=200)
    opened_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closing = models.CharField(max_length=4, blank=True, choices=[(closing, closing) for closing in Closing])
    operation = models.CharField(max_length=36)
    review_operation = models.CharField(max_length=36, blank=True)
    reviewed_at = models.DateTimeField(null=True)
    reviewed_by_name = models.CharField(max_length=200, blank=True)
    verdict = models.TextField(blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(closes_at__gt=models.F("opened_at")), name="emergency_lasts"),
            models.UniqueConstraint(
                fields=["tenant_id", "person_id"],
                condition=Q(closed_at__isnull=True),
                name="one_open_emergency_a_person",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant_id", "-opened_at"], name="emergency_recent"),
            models.Index(fields=["closes_at"], condition=Q(closed_at__isnull=True), name="emergency_open"),
        ]
