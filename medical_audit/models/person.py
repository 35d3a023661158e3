"""Windows on what of people can be read, beside the chain (ADR 19); written by the ledger's own functions only."""

from django.db import models

from medical_audit.tenancy import TenantModel


class PersonKey(TenantModel):
    """The key of one person in one tenant, sealed under the keys of the environment. Destroyed by an erasure."""

    person = models.TextField(primary_key=True)
    sealed = models.TextField()
    made_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        managed = False
        db_table = '"ledger"."person_key"'


class PersonValue(TenantModel):
    """One readable value under the person's key; `token` is what stands for it in events."""

    token = models.TextField(primary_key=True)
    person = models.TextField()
    field = models.TextField()
    sealed = models.TextField()
    made_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        managed = False
        db_table = '"ledger"."person_value"'


class Erasure(TenantModel):
    """That a person's key was destroyed; `note` is the sealer's signature ("" for at most a minute)."""

    operation = models.UUIDField(primary_key=True)
    person = models.TextField()
    key_id = models.TextField()
    count = models.BigIntegerField()
    at = models.DateTimeField()
    txid = models.BigIntegerField()
    note = models.TextField()

    class Meta(TenantModel.Meta):
        managed = False
        db_table = '"ledger"."erasure"'
