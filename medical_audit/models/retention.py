"""For how long a tenant keeps its record, and whether it holds it beyond that."""

import uuid

from django.db import models
from django.db.models import Q

from medical_audit.domain.burying import LEAST_YEARS
from medical_audit.domain.erasing import LEAST_PERSON_MONTHS, PERSON_MONTHS
from medical_audit.tenancy import TenantModel


class Retention(TenantModel):
    """`years`: the term; `person_months`: that of what can be read as a person's; `hold`: why nothing may go for now ("": nothing is held). Changed by a confirmed operation only.

    No row: the least term, no hold.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    years = models.IntegerField()
    hold = models.TextField(blank=True)
    person_months = models.IntegerField(default=PERSON_MONTHS)
    operation = models.CharField(max_length=36)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id"], name="one_retention_a_tenant"),
            models.CheckConstraint(condition=Q(years__gte=LEAST_YEARS), name="retention_at_least"),
            models.CheckConstraint(
                condition=Q(person_months__gte=LEAST_PERSON_MONTHS), name="person_term_at_least"
            ),
        ]
