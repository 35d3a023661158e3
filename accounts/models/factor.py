"""What a person proves himself with besides his password. Both tables show each person his own rows only."""

import uuid

from django.db import models


class SecondFactor(models.Model):
    """The secret that a person's authenticator app shares with Toban, sealed. `last_step` is the newest code used (its
    number of 30 seconds), so that none is used twice."""

    user_id = models.UUIDField(primary_key=True)
    sealed = models.CharField(max_length=300)
    last_step = models.BigIntegerField(default=0)
    made_at = models.DateTimeField()


class RecoveryCode(models.Model):
    """One of the codes on paper for who lost his app; each works once. `hashed` as passwords are, slow and salted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.UUIDField()
    hashed = models.CharField(max_length=128)
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user_id"], name="recovery_code_of_person")]
