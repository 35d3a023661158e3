"""Passkeys (W3C Web Authentication): a key in a person's device, and the question that it answers."""

import uuid

from django.db import models


class Passkey(models.Model):
    """The public half of a key that a device, a telephone or a security key holds for one person and one host of the portal.

    `credential`: its id as the device gives it; `host`: the relying party id it was made for; `sign_count`: how often it
    answered, where it counts at all (a lower number than before is a copy). Row-level security shows each person his own.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user_id = models.UUIDField()
    name = models.CharField(max_length=60)
    host = models.CharField(max_length=253)
    credential = models.BinaryField(max_length=1023, unique=True)
    public_key = models.BinaryField(max_length=2000)
    sign_count = models.BigIntegerField(default=0)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user_id"], name="passkey_of_person")]


class PasskeyQuestion(models.Model):
    """Random bytes that a device is asked to sign; answered once, and only for minutes."""

    challenge = models.BinaryField(primary_key=True, max_length=64)
    user_id = models.UUIDField()
    purpose = models.CharField(max_length=10)
    origin = models.CharField(max_length=300)
    asked_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user_id"], name="passkey_question_of_person")]
