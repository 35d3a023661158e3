"""Windows on the seals over all tenants' chains: numbers, times and hashes, nobody's data."""

from django.db import models


class Seal(models.Model):
    """One signed checkpoint, as the sealer wrote it; `note` is what it signed, `hash` the note's SHA-256."""

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    note = models.TextField()
    hash = models.BinaryField()

    class Meta:
        managed = False
        db_table = '"ledger"."checkpoint"'
