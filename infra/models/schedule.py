"""Named schedules with their revisions, what follows them, and what stands above them for a while."""

import uuid

from django.db import models
from django.db.models import Func, Q

from infra.domain.schedule import State
from infra.models.resource import Resource
from medical_audit.tenancy import TenantModel


class Alike(Func):
    """A name as people see it: width, case and spaces apart. The same as infra.operations.drafts says first, and kindly."""

    template = r"lower(regexp_replace(normalize(%(expressions)s, NFKC), '\s', '', 'g'))"
    arity = 1
    output_field = models.TextField()


class NamedSchedule(TenantModel):
    """One schedule of a tenant. `current` is the published revision; who confirmed its publication stands beside it,
    because every automatic action under it rests on that person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    current = models.UUIDField(null=True, help_text="the published Revision")
    published_operation = models.CharField(max_length=36, blank=True)
    published_by_id = models.CharField(max_length=64, blank=True)
    published_by_name = models.CharField(max_length=200, blank=True)
    published_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="schedule_name_once"),
            models.UniqueConstraint("tenant_id", Alike("name"), name="schedule_name_alike_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Revision(TenantModel):
    """One content of a schedule (infra.domain.content, canonical form). A draft until it is first published; from
    then on it never changes. `number` counts up per schedule."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    schedule = models.ForeignKey(NamedSchedule, on_delete=models.PROTECT, related_name="revisions")
    number = models.IntegerField()
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    note = models.CharField(max_length=1000, blank=True)
    created_by_id = models.CharField(max_length=64)
    created_by_name = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["schedule", "number"], name="revision_once"),
            models.UniqueConstraint(
                fields=["schedule"], condition=Q(published_at__isnull=True), name="revision_one_draft"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.number}"


class Scope(models.TextChoices):
    """What an assignment or an override speaks of."""

    RESOURCE = "resource"
    PROJECT = "project"
    SCHEDULE = "schedule"
    TENANT = "tenant"


class Assignment(TenantModel):
    """A resource, a project or the whole tenant (its default) follows a schedule; made by a confirmed operation."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    scope = models.CharField(
        max_length=8, choices=[(s, s) for s in (Scope.RESOURCE, Scope.PROJECT, Scope.TENANT)]
    )
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, null=True, related_name="assignments")
    project = models.CharField(max_length=300, blank=True)
    schedule = models.ForeignKey(NamedSchedule, on_delete=models.PROTECT, related_name="assignments")
    operation = models.CharField(max_length=36)
    confirmed_by_id = models.CharField(max_length=64)
    confirmed_by_name = models.CharField(max_length=200)
    confirmed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "scope", "resource", "project"],
                name="assignment_once",
                nulls_distinct=False,
            )
        ]


class OverrideKind(models.TextChoices):
    OVERRIDE = "override", "a wish until a stated end"
    SKIP = "skip", "one action is left out"
    FREEZE = "freeze", "the clock does nothing"


class Override(TenantModel):
    """For a while something else holds than the schedule says. `wish`: running, stopped, or any (leave alone).

    It governs from `since` (inclusive) to `until` (exclusive), or to `ended_at` when a person ended it earlier.
    `operation` groups the rows of one confirmed entry; `confirmed_by_*` answers for what the clock does under it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=8, choices=[(k, k) for k in OverrideKind])
    scope = models.CharField(max_length=8, choices=[(s, s) for s in Scope])
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, null=True, related_name="overrides")
    project = models.CharField(max_length=300, blank=True)
    schedule = models.ForeignKey(NamedSchedule, on_delete=models.PROTECT, null=True, related_name="overrides")
    wish = models.CharField(max_length=7, choices=[(s, s) for s in State])
    since = models.DateTimeField()
    until = models.DateTimeField()
    reason = models.TextField()
    operation = models.CharField(max_length=36)
    entered_by_id = models.CharField(max_length=64)
    entered_by_name = models.CharField(max_length=200)
    confirmed_by_id = models.CharField(max_length=64)
    confirmed_by_name = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by_name = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(until__gt=models.F("since")), name="override_has_length")
        ]
        indexes = [
            models.Index(
                fields=["tenant_id", "until"], condition=Q(ended_at__isnull=True), name="override_live"
            )
        ]


class HeldRound(TenantModel):
    """Stops that one tick did not enter because they are too large a share of the tenant: a person decides.

    `items`: a list of {"resource", "kind", "due_at", "due"}, the last as infra.operations.owing writes it. `operation`: the
    round.release that waits for the person, empty while the tick still collects. Once `released_at` is set, the next
    tick enters the stops.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    held_at = models.DateTimeField()
    items = models.JSONField()
    running = models.IntegerField(help_text="Resources of the tenant that ran at that moment")
    limit_percent = models.IntegerField()
    operation = models.CharField(max_length=36, blank=True)
    released_at = models.DateTimeField(null=True)
    released_by_id = models.CharField(max_length=64, blank=True)
    released_by_name = models.CharField(max_length=200, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant_id", "held_at"], condition=Q(settled_at__isnull=True), name="round_open"
            )
        ]


class TenantRules(TenantModel):
    """What holds for all schedules of a tenant: one row a tenant, changed by confirmed operations only.

    brake_percent: a round that would stop more than this share of what runs asks a person (None: no brake);
    brake_least: rounds of fewer resources than this never ask.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    brake_percent = models.IntegerField(null=True)
    brake_least = models.IntegerField(default=5)
    operation = models.CharField(max_length=36, blank=True)
    changed_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="rules_once")]


class Price(TenantModel):
    """What one hour of one type costs, as a person entered it with its source and date; never made up.

    kind: ec2, rds, ... as Resource.kind, or volume, whose `per_hour` is the price of one GiB a month; region "" is any region;
    type as AWS names it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20)
    region = models.CharField(max_length=30, blank=True)
    type = models.CharField(max_length=60)
    per_hour = models.DecimalField(max_digits=12, decimal_places=6)
    currency = models.CharField(max_length=3)
    source = models.CharField(max_length=300)
    as_of = models.DateField()
    changed_by_name = models.CharField(max_length=200)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "kind", "region", "type"], name="price_once")
        ]


class MaintenanceWindow(TenantModel):
    """One SSM maintenance window as last seen in an account and region; resources whose schedule names it stay on.

    next_at: its next execution, or the one under way; previous_at: the one before it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("AwsAccount", on_delete=models.PROTECT, related_name="maintenance_windows")
    region = models.CharField(max_length=30)
    window_id = models.CharField(max_length=40)
    name = models.CharField(max_length=128)
    enabled = models.BooleanField(default=True)
    next_at = models.DateTimeField(null=True)
    previous_at = models.DateTimeField(null=True)
    duration_hours = models.IntegerField(default=0)
    seen_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "region", "window_id"], name="maintenance_window_once")
        ]
