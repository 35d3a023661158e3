"""A lane: the queue of one outside account and region, leased by one worker at a time, with its circuit breaker."""

import uuid

from django.db import models

from medical_audit.tenancy import TenantModel


class Breaker(models.TextChoices):
    CLOSED = "closed"
    OPEN = "open"
    REFUSED = "refused"


class Lane(TenantModel):
    """`name` is '<account>/<region>[/<class>]', `account` the group that shares a bound on workers.

    `fence` rises with each lease, and every write of its holder names it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    account = models.CharField(max_length=40)
    fence = models.BigIntegerField(default=0)
    worker = models.CharField(max_length=120, blank=True)
    leased_until = models.DateTimeField(null=True)
    served_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    breaker = models.CharField(max_length=8, choices=Breaker.choices, default=Breaker.CLOSED)
    breaker_reason = models.CharField(max_length=80, blank=True)
    open_until = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "name"], name="lane_name_once")]
        indexes = [models.Index(fields=["tenant_id", "account"], name="lane_by_account")]
