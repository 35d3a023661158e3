"""EBS volumes as last seen, and what each of them ever served."""

import uuid

from django.db import models
from django.db.models import Q

from infra.models.account import AwsAccount
from medical_audit.tenancy import TenantModel


class Naming(models.TextChoices):
    """Where the Name of a volume stands: it has one, gets one, or why it cannot get one."""

    NAMED = "named"
    DUE = "due"
    NAMELESS = "nameless", "its instance has no Name either"
    UNATTACHED = "unattached"
    UNDONE = "undone", "a run that named it was undone"


class Volume(TenantModel):
    """One volume. `served_*` repeats the newest attachment, so that a left-over volume still says what it was.

    `left_over_at`: when it was recorded as left over, None while it is not. `snoozed_*`: until when somebody wants it left
    alone, and why. tag_marks: what Toban wrote (infra.domain.tagging.Marks). iops, throughput: as provisioned, None where AWS
    shows none.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AwsAccount, on_delete=models.PROTECT, related_name="volumes")
    region = models.CharField(max_length=30)
    volume_id = models.CharField(max_length=40)
    name = models.CharField(max_length=300, blank=True)
    name_missing_since = models.DateTimeField(null=True)
    state = models.CharField(max_length=20)
    size_gib = models.IntegerField()
    type = models.CharField(max_length=20)
    zone = models.CharField(max_length=30, blank=True)
    multi_attach = models.BooleanField(default=False)
    iops = models.IntegerField(null=True)
    throughput = models.IntegerField(null=True, help_text="MiB/s")
    tags = models.JSONField(default=dict)
    tag_marks = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)
    touched_at = models.DateTimeField(null=True, help_text="when an operation last wrote what it saw")
    served_instance = models.CharField(max_length=80, blank=True)
    served_name = models.CharField(max_length=300, blank=True)
    served_device = models.CharField(max_length=60, blank=True)
    naming = models.CharField(max_length=10, blank=True, choices=[(n, n) for n in Naming])
    detached_at = models.DateTimeField(null=True)
    left_over_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    snooze_reason = models.CharField(max_length=500, blank=True)
    snoozed_by_name = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "region", "volume_id"], name="volume_once")]
        indexes = [models.Index(fields=["tenant_id", "volume_id"], name="volume_by_id")]

    def __str__(self) -> str:
        return self.name or self.volume_id


class Attachment(TenantModel):
    """A volume served an instance from one look to another; kept after the volume is detached."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    volume = models.ForeignKey(Volume, on_delete=models.PROTECT, related_name="attachments")
    instance_id = models.CharField(max_length=80)
    instance_name = models.CharField(max_length=300, blank=True)
    device = models.CharField(max_length=60, blank=True)
    delete_on_termination = models.BooleanField(default=False)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["volume", "instance_id"], condition=Q(until__isnull=True), name="attachment_open_once"
            )
        ]


class TaggingRule(TenantModel):
    """Which tags volumes get from their servers: for one account, or (account None) for all that have no rule of their own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AwsAccount, on_delete=models.PROTECT, null=True, related_name="tagging_rules")
    content = models.JSONField(help_text="infra.domain.tagging.Rules")
    operation = models.CharField(max_length=36)
    confirmed_by_id = models.CharField(max_length=64)
    confirmed_by_name = models.CharField(max_length=200)
    confirmed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "account"], name="tagging_rule_once", nulls_distinct=False
            )
        ]


class VolumeSnapshot(TenantModel):
    """One snapshot of an EBS volume as last seen. images: AMIs that are made of it; facts: what AWS says of it besides.

    `snoozed_*`, `tag_marks`: as of Volume.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AwsAccount, on_delete=models.PROTECT, related_name="volume_snapshots")
    region = models.CharField(max_length=30)
    snapshot_id = models.CharField(max_length=40)
    volume_id = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=20)
    size_gib = models.IntegerField(default=0)
    tier = models.CharField(max_length=20, blank=True)
    description = models.CharField(max_length=300, blank=True)
    images = models.JSONField(default=list)
    tags = models.JSONField(default=dict)
    tag_marks = models.JSONField(default=dict)
    made_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)
    snoozed_until = models.DateTimeField(null=True)
    snooze_reason = models.CharField(max_length=500, blank=True)
    snoozed_by_name = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "region", "snapshot_id"], name="volume_snapshot_once")
        ]
        indexes = [models.Index(fields=["tenant_id", "volume_id"], name="snapshot_by_volume")]

    def __str__(self) -> str:
        return self.name or self.snapshot_id
