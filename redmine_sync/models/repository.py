"""A repository whose commits Redmine shows: where it is, its keys, what GitHub told us of it and what was done then."""

import uuid

from django.db import models
from django.db.models import Q

from medical_audit.tenancy import TenantModel
from redmine_sync.domain.mentions import Rule
from redmine_sync.models.server import RedmineServer


class RepositoryState(models.TextChoices):
    """draft: looked at only; active since a confirmed operation; leaving while its removal is being worked off."""

    DRAFT = "draft"
    ACTIVE = "active"
    LEAVING = "leaving"
    LEFT = "left"


class Repository(TenantModel):
    """`name` is GitHub's full name. `host_key` is the pinned line of known_hosts. `report` is what the last look found.

    `heads` are the refs that Redmine was proven to have read; a poll compares with them. `silent` counts pushes that the
    poll found since the webhook last came. `unproven`: commits whose links a later visit proves, oldest first. `removal` maps a step of leaving to who did it and when.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    server = models.ForeignKey(RedmineServer, on_delete=models.PROTECT, related_name="repositories")
    name = models.CharField(max_length=300)
    url = models.CharField(max_length=300)
    redmine_project = models.IntegerField()
    redmine_identifier = models.CharField(max_length=100)
    strict = models.BooleanField(default=False)
    host_key = models.CharField(max_length=800, blank=True)
    state = models.CharField(max_length=7, choices=RepositoryState.choices, default=RepositoryState.DRAFT)
    operation = models.CharField(max_length=36, blank=True)
    confirmed_by_name = models.CharField(max_length=200, blank=True)
    confirmed_at = models.DateTimeField(null=True)
    drafted_by_name = models.CharField(max_length=200)
    drafted_at = models.DateTimeField()
    removal = models.JSONField(default=dict)

    look_asked_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    report = models.JSONField(default=dict)
    redmine_repository = models.CharField(max_length=100, blank=True)
    hook_pinged_at = models.DateTimeField(null=True)
    hook_came_at = models.DateTimeField(null=True)
    hook_refused_at = models.DateTimeField(null=True)
    silent = models.IntegerField(default=0)
    polled_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    problem = models.CharField(max_length=40, blank=True)
    problem_detail = models.CharField(max_length=300, blank=True)
    problem_since = models.DateTimeField(null=True)
    heads = models.JSONField(default=dict)
    rule = models.CharField(
        max_length=5, choices=[(one.value, one.name) for one in Rule], blank=True, default=""
    )
    rule_proof = models.CharField(max_length=64, blank=True)
    hints = models.JSONField(default=dict)
    unproven = models.JSONField(default=list)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "name"], condition=~Q(state="left"), name="repository_once"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def lane(self) -> str:
        """One worker at a time fetches a repository."""
        return f"git/{self.id}"


class Use(models.TextChoices):
    HOOK = "hook"
    DEPLOY = "deploy"


class Place(models.TextChoices):
    """other: of the webhook, the secret before, valid until `ends_at`; of the deploy key, the next one, taken once it works."""

    CURRENT = "current"
    OTHER = "other"


class RepositorySecret(TenantModel):
    """The webhook's secret or a deploy key, sealed; apart, so that neither the scheduler nor the audit can read it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="secrets")
    use = models.CharField(max_length=6, choices=Use.choices)
    place = models.CharField(max_length=7, choices=Place.choices, default=Place.CURRENT)
    sealed = models.TextField()
    public = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["repository", "use", "place"], name="repository_secret_once")
        ]


class ServiceKey(TenantModel):
    """The key of Redmine's own service for repositories (/sys), sealed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    server = models.OneToOneField(RedmineServer, on_delete=models.PROTECT, related_name="service_key")
    sealed = models.TextField()

    class Meta(TenantModel.Meta):
        pass


class RunState(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Cause(models.TextChoices):
    WEBHOOK = "webhook"
    POLL = "poll"
    PERSON = "person"
    START = "start"
    BACKFILL = "backfill"


class SyncRun(TenantModel):
    """One way from GitHub into the tickets. `steps`: [{"step", "at", "ms", "code", ...}] in order. Of each repository one
    waits at most, and beside it one that links older commits, whose place is `done` of `total`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="runs")
    cause = models.CharField(max_length=8, choices=Cause.choices)
    backfill = models.BooleanField(default=False)
    state = models.CharField(max_length=7, choices=RunState.choices, default=RunState.WAITING)
    asked_at = models.DateTimeField()
    asked_by_name = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    steps = models.JSONField(default=list)
    code = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    commits = models.IntegerField(default=0)
    linked = models.IntegerField(default=0)
    repaired = models.IntegerField(default=0)
    done = models.IntegerField(default=0)
    total = models.IntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "backfill"], condition=Q(state="waiting"), name="sync_run_waits_once"
            )
        ]
        indexes = [
            models.Index(fields=["tenant_id", "repository", "-asked_at", "-id"], name="sync_run_recent")
        ]


class Delivery(TenantModel):
    """One delivery of GitHub's webhook that was signed by us; a redelivery has the same `guid`. `verdict` is a code."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    repository = models.ForeignKey(Repository, on_delete=models.PROTECT, related_name="deliveries")
    guid = models.CharField(max_length=64)
    event = models.CharField(max_length=40)
    ref = models.CharField(max_length=300, blank=True)
    before = models.CharField(max_length=64, blank=True)
    after = models.CharField(max_length=64, blank=True)
    size = models.IntegerField()
    sha256 = models.CharField(max_length=64)
    verdict = models.CharField(max_length=20)
    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, null=True, related_name="deliveries")
    received_at = models.DateTimeField()
    last_at = models.DateTimeField()
    times = models.IntegerField(default=1)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["repository", "guid"], name="delivery_once")]
        indexes = [
            models.Index(fields=["tenant_id", "repository", "-received_at", "-id"], name="delivery_recent")
        ]
