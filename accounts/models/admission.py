"""What a tenant asks of somebody who has an account already: to be let in by it, or to stay longer than he agreed to."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.domain.admitting import Answer
from accounts.models.user import User
from medical_audit.tenancy import TenantManager, TenantModel


class Admission(TenantModel):
    """Two people decided it, and the person himself answers; before that it counts for nothing.

    `house`: the tenant's name, which somebody who does not belong to it could not read; `role`: what he gets, "" where only his
    terms change; `kind`: as what he would belong there ("" of before that was asked); `operation`: which holds the terms word for word; `ends_at`: when they would be over, after which nobody answers.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    house = models.CharField(max_length=100)
    role = models.CharField(max_length=20, blank=True)
    kind = models.CharField(max_length=10, blank=True, default="")
    company = models.CharField(max_length=100, blank=True)
    reason = models.TextField(blank=True)
    operation = models.CharField(max_length=36)
    asked_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=10, choices=[(one, one) for one in Answer], default=Answer.OPEN)
    answered_at = models.DateTimeField(null=True)

    objects: ClassVar[TenantManager] = TenantManager()
    #: Across tenants: row-level security lets through the bound person's own rows only.
    own: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "user"],
                condition=models.Q(answer=Answer.OPEN),
                name="admission_open_once",
            )
        ]
        indexes = [models.Index(fields=["user", "answer"], name="admission_of_person")]
