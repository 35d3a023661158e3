"""The tenant's calendar: lists of national holidays as they came in, and what the company itself has decided."""

import uuid

from django.db import models
from django.db.models import Q

from infra.domain.holiday_files import ListSource
from medical_audit.tenancy import TenantModel


class ListState(models.TextChoices):
    """adopted: in force. replaced: was. quarantined: a person decides. refused: no list of holidays, or turned down."""

    ADOPTED = "adopted"
    REPLACED = "replaced"
    QUARANTINED = "quarantined"
    REFUSED = "refused"


class HolidayList(TenantModel):
    """One list as it came in; `days` is name by ISO date, empty for a refused one. `problem` and `detail` say why."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.CharField(max_length=8, choices=[(s, s) for s in ListSource])
    url = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=11, choices=[(s, s) for s in ListState])
    days = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True)
    problem = models.CharField(max_length=40, blank=True)
    detail = models.JSONField(default=dict)
    received_at = models.DateTimeField()
    received_by_name = models.CharField(max_length=200)
    decided_at = models.DateTimeField(null=True)
    operation = models.CharField(max_length=36, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id"], condition=Q(state="adopted"), name="holiday_list_one_adopted"
            )
        ]
        indexes = [models.Index(fields=["tenant_id", "-received_at"], name="holiday_list_recent")]


class HolidayFeed(TenantModel):
    """The address from which one source's list is fetched every month.

    It is due at `next_at`; taking it in hand moves that on first, so that nobody else takes it. `problem` and `detail`
    say why the last try gave no list, "" when it gave one; `succeeded_at` is when one last came.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.CharField(max_length=8, choices=[(s, s) for s in (ListSource.CABINET, ListSource.ICAL)])
    url = models.CharField(max_length=500)
    next_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    changed_by_name = models.CharField(max_length=200)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "source"], name="holiday_feed_once")]
        indexes = [models.Index(fields=["next_at"], name="holiday_feed_due")]


class CompanyDayKind(models.TextChoices):
    CLOSED = "closed"
    EXTRA = "extra"


class CompanyDay(TenantModel):
    """One date on which the company is closed, or works although something else says otherwise."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    day = models.DateField()
    kind = models.CharField(max_length=6, choices=[(k, k) for k in CompanyDayKind])
    name = models.CharField(max_length=100)
    operation = models.CharField(max_length=36)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "day"], name="company_day_once")]


class Closure(TenantModel):
    """Days of every year on which the company is closed: "MM-DD" to "MM-DD", across New Year too."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    first = models.CharField(max_length=5)
    last = models.CharField(max_length=5)
    name = models.CharField(max_length=100)
    operation = models.CharField(max_length=36)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "first", "last"], name="closure_once")]
