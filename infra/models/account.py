"""A customer's AWS account, how Toban enters it, and the regions it looks at."""

import uuid

from django.db import models

from medical_audit.tenancy import TenantModel


class Automation(models.TextChoices):
    """What the clock may do in an account. Only a confirmed operation changes it."""

    OBSERVE = "observe"
    ON = "on"


class AwsAccount(TenantModel):
    """The account number is unique over all tenants: no two customers can claim the same one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account_id = models.CharField(max_length=12, unique=True)
    name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=40, default="Asia/Tokyo")
    weekdays = models.CharField(max_length=7, default="01234", help_text="Working weekdays, 0 = Monday")
    automation = models.CharField(max_length=8, choices=Automation.choices, default=Automation.OBSERVE)
    automation_operation = models.CharField(max_length=36, blank=True)
    automation_confirmed_by_id = models.CharField(max_length=64, blank=True)
    automation_confirmed_by_name = models.CharField(max_length=200, blank=True)
    automation_confirmed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        pass

    def __str__(self) -> str:
        return f"{self.name} ({self.account_id})"


class AccountTrust(TenantModel):
    """The role to assume and the ExternalId that Toban generated for it; apart, so that the scheduler cannot read it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.OneToOneField(AwsAccount, on_delete=models.PROTECT, related_name="trust")
    role_arn = models.CharField(max_length=200, unique=True)
    external_id = models.CharField(max_length=64, unique=True)

    class Meta(TenantModel.Meta):
        pass


class Region(TenantModel):
    """One account in one region: the unit of inventory, and the lane its operations run in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AwsAccount, on_delete=models.PROTECT, related_name="regions")
    name = models.CharField(max_length=30)
    inventory_at = models.DateTimeField(null=True)
    inventory_tried_at = models.DateTimeField(null=True)
    inventory_ended_at = models.DateTimeField(null=True)
    inventory_problem = models.CharField(max_length=40, blank=True)
    inventory_problem_detail = models.TextField(blank=True)
    inventory_problem_since = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="region_once")]
        indexes = [models.Index(fields=["inventory_tried_at"], name="region_inventory_due")]
