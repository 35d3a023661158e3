"""The identity provider that a tenant signs on with, and whom it is known to name."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.domain.sign_on import Claim, Endpoints, Mode
from accounts.models.user import User
from medical_audit.tenancy import TenantModel


class SignOnProvider(TenantModel):
    """A tenant's OpenID Connect provider, as two people decided it; at most one a tenant.

    `name` stands on the button; `sealed` is the client's secret, sealed with the tenant; `domains`: mail domains whose
    people are taken (empty with user names: any); `claim`: what somebody is recognised by at first; `endpoints`: as the
    provider published them when this was entered; `local_people`: ids of those whom a password still lets in where `mode`
    is required.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=60)
    issuer = models.CharField(max_length=500)
    client_id = models.CharField(max_length=200)
    sealed = models.CharField(max_length=1000)
    claim = models.CharField(max_length=20, choices=[(one, one) for one in Claim])
    domains = models.JSONField(default=list)
    endpoints = models.JSONField()
    mode = models.CharField(max_length=10, choices=[(one, one) for one in Mode], default=Mode.OFF)
    local_people = models.JSONField(default=list)
    operation = models.CharField(max_length=36)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant_id"], name="one_sign_on_provider_a_tenant")]

    def places(self) -> Endpoints:
        return Endpoints(**self.endpoints)


class SignOnLink(TenantModel):
    """Whom a provider means by one of its ids (`sub`): bound at the first sign-on, until two people end it (`ended_operation`: the operation).

    A mail address or user name that the provider gives to somebody else later leads to nobody's account.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_operation = models.CharField(max_length=36, blank=True, default="")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "issuer", "subject"],
                condition=Q(ended_at__isnull=True),
                name="sign_on_subject_once",
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "issuer", "user"],
                condition=Q(ended_at__isnull=True),
                name="sign_on_person_once",
            ),
        ]
