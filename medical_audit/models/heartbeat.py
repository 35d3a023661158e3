"""When each periodic duty last ran: shown on the health page, watched from outside."""

from django.db import models


class Heartbeat(models.Model):
    """One row per duty; no tenant's data."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
