"""What the rules found unusual in the ledger, how far they have looked, and what a tenant has tuned."""

import uuid

from django.db import models

from medical_audit.tenancy import TenantModel


class Anomaly(TenantModel):
    """One finding. `event_id` is the event at which the rule spoke, `figures` what its sentence says. Written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rule = models.CharField(max_length=20)
    event_id = models.UUIDField()
    at = models.DateTimeField()
    person_id = models.CharField(max_length=64, blank=True)
    person_name = models.CharField(max_length=200)
    figures = models.JSONField(default=dict)
    found_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "rule", "event_id"], name="anomaly_once")]
        indexes = [models.Index(fields=["tenant_id", "-at", "-id"], name="anomaly_recent")]


class AnomalyWatch(TenantModel):
    """Up to which place of the chain the rules have looked, and when they last did."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    seq = models.BigIntegerField(default=0)
    looked_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="one_watch_a_tenant")]


class AnomalyRules(TenantModel):
    """The thresholds that a tenant has decided itself (domain.anomalies.BOUNDS); changed by a confirmed operation only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    limits = models.JSONField(default=dict)
    operation = models.CharField(max_length=36)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="one_set_of_anomaly_rules")]
