"""The review of a period's ledger: what was drawn, what reviewers said of it, who signed."""

import uuid
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Q
from django.db.models.functions import ExtractDay
from django.db.models.lookups import Exact

from medical_audit.domain.reviews import Standing, Verdict
from medical_audit.tenancy import TenantModel


class AccessReview(TenantModel):
    """One review of [since, until). `name` is the month (2026-11), or of an interim review its moment besides.

    `seal` and `seed`: the seal that fixed the draw; `population`: how many events there were; `operation`: the newest
    sign-off, whose state says how far it is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=40)
    interim = models.BooleanField(default=False)
    since = models.DateTimeField()
    until = models.DateTimeField()
    begun_at = models.DateTimeField()
    begun_by_id = models.CharField(max_length=64)
    begun_by_name = models.CharField(max_length=200)
    seal = models.BigIntegerField(null=True)
    seed = models.CharField(max_length=64, blank=True)
    population = models.JSONField(default=dict)
    drawn_at = models.DateTimeField(null=True)
    operation = models.CharField(max_length=36, blank=True)
    signed_at = models.DateTimeField(null=True)
    signed_by_name = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="review_once"),
            models.CheckConstraint(
                condition=Q(interim=True) | Q(Exact(ExtractDay("since", tzinfo=ZoneInfo("Asia/Tokyo")), 1)),
                name="review_of_a_whole_month",
            ),
        ]
        indexes = [models.Index(fields=["tenant_id", "-until"], name="review_recent")]

    @property
    def standing(self) -> Standing:
        """As far as this row tells; whether a sign-off still waits its operation tells."""
        if self.signed_at:
            return Standing.SIGNED
        if self.operation:
            return Standing.WAITING
        return Standing.DRAWN if self.drawn_at else Standing.BEGUN


class ReviewItem(TenantModel):
    """One event that a reviewer looks at. `why`: "people" or "clock" (drawn), or the rule that found it unusual.

    `findings`: for how many findings of that rule about that person it stands (0: drawn). `actor_id` is whose act it was: he
    neither judges it nor signs the review.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    review = models.ForeignKey(AccessReview, on_delete=models.PROTECT, related_name="items")
    event_id = models.UUIDField()
    why = models.CharField(max_length=20)
    findings = models.PositiveIntegerField(default=0)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_name = models.CharField(max_length=200)
    verdict = models.CharField(max_length=10, blank=True, choices=[(verdict, verdict) for verdict in Verdict])
    note = models.CharField(max_length=500, blank=True)
    judged_by_id = models.CharField(max_length=64, blank=True)
    judged_by_name = models.CharField(max_length=200, blank=True)
    judged_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "review", "event_id"], name="review_item_once")
        ]
