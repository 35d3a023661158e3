"""What a person wants to be told of in a tenant, how far he has read, and which mails were sent."""

import uuid

from django.db import models

from medical_audit.tenancy import TenantModel


class NoticeChoice(TenantModel):
    """One person's choice in one tenant; without a row he sees every topic in the portal and gets no mail.

    `seen_seq` and `mailed_seq` are places in the tenant's chain of events: everything up to there is read, or was
    mailed. Nothing is copied: what is shown is read from the ledger. No mail goes out before `mail_after`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person_id = models.CharField(max_length=64)
    person_name = models.CharField(max_length=200)
    inbox = models.JSONField(
        default=list, help_text="topics shown in the portal (accounts.domain.notices.Topic)"
    )
    mail = models.JSONField(default=list, help_text="topics that are mailed")
    address = models.EmailField(blank=True)
    language = models.CharField(max_length=5, default="ja")
    seen_seq = models.BigIntegerField(default=0)
    mailed_seq = models.BigIntegerField(default=0)
    mail_after = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "person_id"], name="notice_choice_once")]


class DeliveryState(models.TextChoices):
    """sending: given to the mail server, no answer yet. unknown: the process ended before there was one."""

    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"


class NoticeDelivery(TenantModel):
    """One mail to one person: when, where, about how many things, up to which event, and how it ended."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person_id = models.CharField(max_length=64)
    person_name = models.CharField(max_length=200)
    address = models.EmailField()
    items = models.IntegerField()
    up_to_seq = models.BigIntegerField()
    state = models.CharField(max_length=7, choices=DeliveryState.choices)
    problem = models.CharField(max_length=200, blank=True)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant_id", "person_id", "-begun_at"], name="notice_delivery_recent")
        ]
