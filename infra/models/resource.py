"""What runs: servers, databases and groups as last seen, with their schedule worked out."""

import uuid

from django.db import models
from django.db.models import Q

from infra.domain.power import Power
from infra.models.account import AwsAccount
from medical_audit.tenancy import TenantModel


class ResourceKind(models.TextChoices):
    """rds: a database instance; cluster: Aurora or a Multi-AZ DB cluster; asg: an Auto Scaling group."""

    EC2 = "ec2"
    RDS = "rds"
    CLUSTER = "cluster"
    ASG = "asg"


class Resource(TenantModel):
    """One instance. `next_change_at` is the next instant its schedule speaks (start, stop, or a start that a
    holiday suppresses): a tick costs what is due, not what exists. `planned_from` is where that plan began."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AwsAccount, on_delete=models.PROTECT, related_name="resources")
    region = models.CharField(max_length=30)
    kind = models.CharField(max_length=7, choices=ResourceKind.choices)
    aws_id = models.CharField(max_length=255)
    name = models.CharField(max_length=300, blank=True)
    project = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=[(p, p) for p in Power])
    aws_state = models.CharField(max_length=60)
    type = models.CharField(max_length=60, blank=True)
    tags = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64)
    first_seen_at = models.DateTimeField()
    state_since = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    scheduled = models.BooleanField(default=False)
    next_change_at = models.DateTimeField(null=True)
    next_action = models.CharField(max_length=5, blank=True)
    planned_from = models.DateTimeField(null=True)
    schedule_source = models.CharField(
        max_length=8, blank=True, help_text="infra.domain.sources.Source or nothing"
    )
    schedule_revision = models.UUIDField(
        null=True, help_text="the published revision it follows, if a named schedule"
    )
    owed = models.JSONField(
        default=list,
        help_text="what fell due before its rules changed and no tick has entered yet, see infra.operations.owing",
    )
    memory = models.JSONField(
        default=dict, help_text="what must be restored at the next start, e.g. sizes of a group"
    )

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "region", "kind", "aws_id"], name="resource_once")
        ]
        indexes = [
            models.Index(
                fields=["next_change_at"], condition=Q(next_change_at__isnull=False), name="resource_due"
            ),
            models.Index(fields=["tenant_id", "name", "id"], name="resource_by_name"),
            models.Index(fields=["tenant_id", "state"], name="resource_by_state"),
            models.Index(fields=["tenant_id", "schedule_revision"], name="resource_by_revision"),
        ]

    def __str__(self) -> str:
        return self.name or self.aws_id

    @property
    def lane(self) -> str:
        return f"{self.account.account_id}/{self.region}"


class Finding(TenantModel):
    """Something wrong with a resource that a person should mend: which tag, what it says, what it should say."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="findings")
    code = models.CharField(max_length=40)
    tag = models.CharField(max_length=128, blank=True)
    value = models.CharField(max_length=300, blank=True)
    suggestion = models.CharField(max_length=300, blank=True)
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["resource", "code", "tag"],
                condition=Q(resolved_at__isnull=True),
                name="finding_open_once",
            )
        ]
