"""A customer's AWS account, how Toban enters it, and the regions it looks at."""

import uuid

from django.db import models

from medical_audit.tenancy import TenantModel


class Automation(models.TextChoices):
    """What the clock may do in an account. Only a confirmed operation changes it. Before it was ever ON, OBSERVE holds for people,
    too (ADR 13)."""

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

    @property
    def only_observed(self) -> bool:
        """Nobody may change anything in it, by hand neither, because its automation was never switched on."""
        return self.automation != Automation.ON and self.automation_confirmed_at is None

    @property
    def standing(self) -> str:
        """on, off (of the clock alone: it was on before), or observe: which state's icon and word stand for it."""
        if self.automation == Automation.ON:
            return "on"
        return "observe" if self.only_observed else "off"


class AccountTrust(TenantModel):
    """The role to assume and the ExternalId that Toban generated for it; apart, so that the scheduler cannot read it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.OneToOneField(AwsAccount, on_delete=models.PROTECT, related_name="trust")
    role_arn = models.CharField(max_length=200, unique=True)
    read_role_arn = models.CharField(
        max_length=200, blank=True, help_text="The role that only looks; empty: role_arn serves for both"
    )
    external_id = models.CharField(max_length=64, unique=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["read_role_arn"], condition=~models.Q(read_role_arn=""), name="read_role_once"
            )
        ]


class AccountSetup(TenantModel):
    """An account on its way in: what Toban is to do there, the ExternalId it made, and how the last proof ended.

    `rollout`: those that were begun together share one template. `listing`: what AWS Organizations last said, where this account may
    list its organization's accounts: `members` (infra.domain.organization.Member as JSON), `more` where there were too many, `problem`
    and `detail` where it said nothing.

    `features`: what two people decided; `in_force`: those of them that count, because a proof found every right that they need.
    The newest row of an account is the one that holds; a confirmed change of the features makes another.

    `registered` is set when it came in, and for a new proof of one that is in. `proof`: a list of
    infra.domain.proofs.Check as JSON, of the roles and regions as they stood at `proof_asked_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    registered = models.ForeignKey(AwsAccount, on_delete=models.PROTECT, null=True, related_name="setups")
    account_id = models.CharField(max_length=12)
    name = models.CharField(max_length=100)
    regions = models.JSONField()
    features = models.JSONField()
    in_force = models.JSONField(default=list)
    managed_only = models.BooleanField(default=False)
    role_arn = models.CharField(max_length=200)
    read_role_arn = models.CharField(max_length=200)
    external_id = models.CharField(max_length=64)
    started_by_id = models.CharField(max_length=64)
    started_by_name = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    proof_asked_at = models.DateTimeField(null=True)
    proof_began_at = models.DateTimeField(null=True)
    proof_ended_at = models.DateTimeField(null=True)
    proof = models.JSONField(default=list)
    listing_asked_at = models.DateTimeField(null=True)
    listing_began_at = models.DateTimeField(null=True)
    listing_ended_at = models.DateTimeField(null=True)
    listing = models.JSONField(default=dict)
    rollout = models.UUIDField(null=True, db_index=True)
    closed_at = models.DateTimeField(null=True, help_text="It came in, or somebody gave it up")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "account_id"],
                condition=models.Q(closed_at__isnull=True),
                name="setup_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.account_id})"


class Looking(models.TextChoices):
    """Whether Toban looks at a region: it WAITS for a proof of the roles there, is ON, is LEAVING (until a worker has said so of what
    stands in it), or LEFT: what was known of it is kept and not looked at any more."""

    WAITS = "waits"
    ON = "on"
    LEAVING = "leaving"
    LEFT = "left"


class Region(TenantModel):
    """One account in one region: the unit of inventory, and the lane its operations run in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AwsAccount, on_delete=models.PROTECT, related_name="regions")
    name = models.CharField(max_length=30)
    looking = models.CharField(max_length=8, choices=Looking.choices, default=Looking.ON)
    inventory_at = models.DateTimeField(null=True)
    inventory_tried_at = models.DateTimeField(null=True)
    inventory_ended_at = models.DateTimeField(null=True)
    inventory_problem = models.CharField(max_length=40, blank=True)
    inventory_problem_detail = models.TextField(blank=True)
    inventory_problem_since = models.DateTimeField(null=True)
    database_terms = models.JSONField(
        default=dict, help_text="what AWS says of its certificate authorities and engine versions here"
    )
    database_terms_at = models.DateTimeField(null=True)
    snapshots_at = models.DateTimeField(null=True)
    inventory_answers = models.JSONField(
        default=dict, help_text="how AWS answered in the last look: calls, ms on average, slowest_ms, slowest"
    )

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="region_once")]
        indexes = [models.Index(fields=["inventory_tried_at"], name="region_inventory_due")]
