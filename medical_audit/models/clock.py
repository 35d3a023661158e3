"""How the clocks stood, minute by minute: evidence for the times in the ledger. Nobody's data."""

import uuid

from django.db import models


class ClockReading(models.Model):
    """One measurement, in milliseconds: `machine_ms` is the measuring machine against the database, `database_ms` the
    database against `source` (None: no source named, or it did not answer, see `problem`)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField()
    machine = models.CharField(max_length=100)
    machine_ms = models.IntegerField()
    source = models.CharField(max_length=200, blank=True)
    database_ms = models.IntegerField(null=True)
    stratum = models.IntegerField(null=True)
    state = models.CharField(max_length=12)
    problem = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes = [models.Index(fields=["-at"], name="clock_reading_recent")]
