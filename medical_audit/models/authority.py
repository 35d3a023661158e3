"""Who may confirm what, and for whom: a tenant's stricter policies, first confirmations, delegations, deputies."""

import uuid

from django.db import models

from medical_audit.tenancy import TenantModel


class ConfirmPolicy(TenantModel):
    """A tenant's own, stricter policy for one kind; `role` (for `two`) is the role that both confirmers hold."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=60)
    policy = models.CharField(max_length=10)
    role = models.CharField(max_length=20, blank=True)
    operation = models.CharField(max_length=36)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id", "kind"], name="confirm_policy_once")]


class Confirmation(TenantModel):
    """The first of two confirmations; the second is the operation's own. Written once, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    operation = models.UUIDField()
    person_id = models.CharField(max_length=64)
    person_name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    reauthentication = models.CharField(max_length=30)
    at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "operation", "person_id"], name="confirmation_once"),
        ]


class Delegation(TenantModel):
    """代行許可: the proxy may enter these kinds for the principal, from `begins_at` until before `ends_at`.

    `evidence` says on what it rests, `operation` is the one by which the principal confirmed it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    principal_id = models.CharField(max_length=64)
    principal_name = models.CharField(max_length=200)
    proxy_id = models.CharField(max_length=64)
    proxy_name = models.CharField(max_length=200)
    kinds = models.JSONField(default=list)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    evidence = models.TextField()
    operation = models.CharField(max_length=36)
    ended_at = models.DateTimeField(null=True)
    ended_operation = models.CharField(max_length=36, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("begins_at")), name="delegation_lasts"
            ),
            models.CheckConstraint(
                condition=~models.Q(proxy_id=models.F("principal_id")), name="delegation_of_another"
            ),
        ]
        indexes = [models.Index(fields=["tenant_id", "proxy_id", "principal_id"], name="delegation_of_proxy")]


class Deputy(TenantModel):
    """Who confirms in a principal's place when he is away, in this order."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    principal_id = models.CharField(max_length=64)
    principal_name = models.CharField(max_length=200)
    deputy_id = models.CharField(max_length=64)
    deputy_name = models.CharField(max_length=200)
    place = models.IntegerField()
    operation = models.CharField(max_length=36)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "principal_id", "place"], name="deputy_place_once"),
            models.UniqueConstraint(fields=["tenant_id", "principal_id", "deputy_id"], name="deputy_once"),
        ]
