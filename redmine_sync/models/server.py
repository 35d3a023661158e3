"""A tenant's Redmine: where it is, what was found there, and which project's troubles become tickets in which of its projects."""

import uuid

from django.db import models
from django.db.models import Q

from medical_audit.tenancy import TenantModel
from redmine_sync.domain.addresses import host_of

LANE_MAX = 80


class ServerState(models.TextChoices):
    """A draft was only looked at; active since a confirmed operation; left since another one."""

    DRAFT = "draft"
    ACTIVE = "active"
    LEFT = "left"


class RedmineServer(TenantModel):
    """At most one draft and one active server per tenant. `report` is what the last probe found (domain.checks).

    `key_field` is the id of the custom field by which issues are found again; `followed_seq` the place in the tenant's
    ledger up to which events have become entries, `caught_up_seq` that of the newest rule for which older ones were looked
    up; `polled_to` the newest change (the server's own clock) that was read; `unread` how many changed issues the last look
    still had before it, while there were any. `hook_came_at`: when Redmine itself last said that something changed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    url = models.CharField(max_length=300)
    language = models.CharField(max_length=2, default="ja")
    state = models.CharField(max_length=6, choices=ServerState.choices, default=ServerState.DRAFT)
    open_status = models.IntegerField(null=True)
    closed_status = models.IntegerField(null=True)
    snooze_days = models.IntegerField(default=7)
    key_field = models.IntegerField(null=True)
    bot_id = models.IntegerField(null=True)
    operation = models.CharField(max_length=36, blank=True)
    confirmed_by_name = models.CharField(max_length=200, blank=True)
    confirmed_at = models.DateTimeField(null=True)
    drafted_by_name = models.CharField(max_length=200)
    drafted_at = models.DateTimeField()

    probe_asked_at = models.DateTimeField(null=True)
    probed_at = models.DateTimeField(null=True)
    report = models.JSONField(default=dict)
    problem = models.CharField(max_length=40, blank=True)
    problem_since = models.DateTimeField(null=True)
    followed_seq = models.BigIntegerField(default=0)
    caught_up_seq = models.BigIntegerField(default=0)
    hook_came_at = models.DateTimeField(null=True)
    polled_at = models.DateTimeField(null=True)
    polled_to = models.DateTimeField(null=True)
    reconciled_at = models.DateTimeField(null=True)
    unread = models.IntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "state"], condition=~Q(state="left"), name="redmine_one_of_each"
            )
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def lane(self) -> str:
        """One worker at a time serves a server; its circuit breaker stands there, too."""
        return f"redmine/{host_of(self.url)}"[:LANE_MAX]


class RedmineKey(TenantModel):
    """The API key and the secret of the server's own webhook, sealed; apart, so that neither the scheduler nor the audit can
    read them. `hook` is "" where nobody asked for one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    server = models.OneToOneField(RedmineServer, on_delete=models.PROTECT, related_name="key")
    sealed = models.TextField()
    hook = models.TextField(blank=True)

    class Meta(TenantModel.Meta):
        pass


class TicketRule(TenantModel):
    """Where the troubles of one project go, and which; `project` "" stands for everything without a rule of its own.

    `topics`: code -> how, of those in domain.topics that are told besides. `from_seq`: the place in the tenant's ledger after
    which it holds.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.CharField(max_length=300, blank=True)
    redmine_project = models.IntegerField()
    redmine_identifier = models.CharField(max_length=100)
    tracker = models.IntegerField()
    failures = models.BooleanField(default=True)
    approvals = models.BooleanField(default=False)
    approval_wait_min = models.IntegerField(default=15)
    topics = models.JSONField(default=dict)
    from_seq = models.BigIntegerField()
    operation = models.CharField(max_length=36)
    confirmed_by_name = models.CharField(max_length=200)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "project"], name="ticket_rule_once")]
