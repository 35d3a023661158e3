"""Snapshots of databases as last seen, also of databases that exist no more."""

import uuid

from django.db import models

from infra.models.account import AwsAccount
from medical_audit.tenancy import TenantModel


class DatabaseSnapshot(TenantModel):
    """One snapshot of an RDS instance. `name`: its identifier, of one that another account shares its ARN; `database` is the
    identifier it was made of; `kind` manual, automated, shared, or another of AWS's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AwsAccount, on_delete=models.PROTECT, related_name="database_snapshots")
    region = models.CharField(max_length=30)
    name = models.CharField(max_length=400)
    database = models.CharField(max_length=63)
    kind = models.CharField(max_length=20)
    state = models.CharField(max_length=40)
    engine = models.CharField(max_length=40, blank=True)
    engine_version = models.CharField(max_length=60, blank=True)
    storage_gib = models.IntegerField(default=0)
    encrypted = models.BooleanField(default=False)
    facts = models.JSONField(default=dict)
    made_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "region", "name"], name="database_snapshot_once")
        ]
        indexes = [models.Index(fields=["tenant_id", "database"], name="snapshot_by_database")]

    def __str__(self) -> str:
        return self.name

    @property
    def lane(self) -> str:
        return f"{self.account.account_id}/{self.region}"
