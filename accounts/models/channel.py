"""Where a tenant's events go outside, the secrets for it, and what was sent."""

import uuid

from django.db import models
from django.db.models import Q

from medical_audit.tenancy import TenantModel


class ChannelState(models.TextChoices):
    """draft: entered, and nobody has confirmed it."""

    DRAFT = "draft"
    ACTIVE = "active"
    ENDED = "ended"


class Channel(TenantModel):
    """One receiver. `kind` (domain.channels.ChannelKind); `url` of a webhook; of a chat it is a secret itself, and only its `host`
    is kept here. `wanted`: kinds of events of a webhook, topics of a chat.

    `person_id` is whose own it is: he chose it for himself. Without one it is the tenant's, by the confirmed `operation`.
    `from_seq`: the place in the tenant's ledger after which events are sent. `problem`: a code while the last attempts failed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=7)
    name = models.CharField(max_length=60)
    url = models.CharField(max_length=1000, blank=True)
    host = models.CharField(max_length=260)
    wanted = models.JSONField(default=list)
    language = models.CharField(max_length=5, default="ja")
    person_id = models.CharField(max_length=64, blank=True)
    person_name = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=6, choices=ChannelState.choices, default=ChannelState.DRAFT)
    operation = models.CharField(max_length=36, blank=True)
    confirmed_by_name = models.CharField(max_length=200, blank=True)
    from_seq = models.BigIntegerField(default=0)
    made_at = models.DateTimeField()
    problem = models.CharField(max_length=40, blank=True)
    problem_since = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "person_id", "kind"],
                condition=Q(state="active") & ~Q(person_id=""),
                name="channel_of_person_once",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def lane(self) -> str:
        """One worker at a time sends to a receiver; its circuit breaker stands there, too."""
        return f"channel/{self.host[:60]}#{self.id.hex[:8]}"


class ChannelSecret(TenantModel):
    """A secret that signs, or the address of a chat, sealed; apart, so that neither the scheduler nor the audit can read it.

    `live`: a new one is not before its exchange is confirmed; `until`: when an old one ends.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="secrets")
    sealed = models.TextField()
    fingerprint = models.CharField(max_length=16)
    live = models.BooleanField(default=False)
    made_at = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        pass


class ChannelCursor(TenantModel):
    """Up to which place in the tenant's ledger events have become dispatches."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    seq = models.BigIntegerField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="channels_followed_once")]


class DispatchState(models.TextChoices):
    """trying: an attempt was begun and its end not yet written; dead: only a person helps."""

    WAITING = "waiting"
    TRYING = "trying"
    DONE = "done"
    DROPPED = "dropped"
    DEAD = "dead"


class Dispatch(TenantModel):
    """One message to one receiver, made of one ledger event (of a chat: of the events that came together).

    `body` is what is sent, the same bytes at each attempt. `status`, `latency_ms`: of the last answer; `outcome`: its code, "" for
    taken; `detail`: what a person can read of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="dispatches")
    seq = models.BigIntegerField()
    event_id = models.UUIDField()
    event_kind = models.CharField(max_length=80)
    items = models.IntegerField(default=1)
    body = models.TextField()
    state = models.CharField(max_length=7, choices=DispatchState.choices, default=DispatchState.WAITING)
    attempts = models.IntegerField(default=0)
    next_at = models.DateTimeField()
    status = models.IntegerField(null=True)
    latency_ms = models.IntegerField(null=True)
    outcome = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["channel", "event_id"], name="dispatch_once")]
        indexes = [
            models.Index(
                fields=["channel", "next_at"],
                condition=Q(state__in=["waiting", "trying"]),
                name="dispatch_due",
            ),
            models.Index(fields=["tenant_id", "channel", "-created_at", "-id"], name="dispatch_recent"),
        ]
