"""Windows on the ledger: the tables belong to the ledger's own role and are written by its functions only."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

from medical_audit.tenancy import TenantModel


class Event(TenantModel):
    """One thing that happened; `body` is canonical JSON, the other columns are derived from it by the database."""

    ord = models.BigIntegerField()
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    event_at = models.DateTimeField()
    txid = models.BigIntegerField()
    db_user = models.TextField()
    body = models.TextField()
    kind = models.TextField()
    outcome = models.TextField()
    actor_type = models.TextField()
    actor_id = models.TextField()
    actor_name = models.TextField()
    subject_type = models.TextField()
    subject_id = models.TextField()
    subject_name = models.TextField()
    operation_id = models.TextField(null=True)

    class Meta(TenantModel.Meta):
        managed = False
        db_table = '"ledger"."event"'

    @property
    def at(self) -> datetime:
        """When it happened by the clock that the pages show: `event_at`, but for a demo whose clock is shifted."""
        return self.event_at + timedelta(seconds=settings.TOBAN_CLOCK_OFFSET)


class Link(TenantModel):
    """The place of an event in its tenant's gapless chain."""

    event_id = models.UUIDField(primary_key=True)
    seq = models.BigIntegerField()
    event_at = models.DateTimeField()
    linked_at = models.DateTimeField()
    clock_at = models.DateTimeField()
    prev = models.BinaryField()
    hash = models.BinaryField()

    class Meta(TenantModel.Meta):
        managed = False
        db_table = '"ledger"."link"'
