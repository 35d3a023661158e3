"""Who sat where, from when until when, and why it ended: one row a session, and one for each tenant it entered."""

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from medical_audit.domain.seats import IDLE_DEFAULT, End
from medical_audit.tenancy import TenantManager, TenantModel

ENDS = [(end, end) for end in End]


class Seat(models.Model):
    """What a session and its part in one tenant have in common. `name` is the session's name in the ledger, never its key.

    `address_raw` is the peer and what proxies claimed, `method` and `factors` how the person proved himself, `parallel_with`
    another session of the same person that was open in another network, or this one where it was itself used from two. `claims`: what an identity provider said of it
    (issuer, amr, acr, auth_time), empty for a password.
    """

    user_id = models.UUIDField()
    user_name = models.CharField(max_length=200)
    active_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=12, blank=True, choices=ENDS)
    ended_by_id = models.CharField(max_length=64, blank=True)
    ended_by_name = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=64)
    address_raw = models.CharField(max_length=300, blank=True)
    network = models.CharField(max_length=64)
    device = models.CharField(max_length=100, blank=True)
    method = models.CharField(max_length=30)
    factors = models.JSONField(default=list)
    claims = models.JSONField(default=dict)
    resumed_from = models.CharField(max_length=16, blank=True)
    parallel_with = models.CharField(max_length=16, blank=True)

    class Meta:
        abstract = True


class Session(Seat):
    """One session of one person, over all tenants; row-level security shows it to him alone.

    `active_at` is the last thing the person did, `seen_at` the last sign of his browser, `proved_at` when he last gave a proof
    that Toban saw, or a fresh word of his provider that was taken for one (None: its word at the door is none); `idle_s` how long the seat may stand empty. `via`: the tenant whose provider vouched for him, None for a
    password; `provider_proof`: its word that he proved himself once more, with when (used once: then `taken`). `elsewhere`: the other networks
    from which this very session was used.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=16, unique=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True)
    idle_s = models.IntegerField(default=int(IDLE_DEFAULT.total_seconds()))
    user_agent = models.CharField(max_length=300, blank=True)
    via = models.UUIDField(null=True)
    provider_proof = models.JSONField(null=True)
    elsewhere = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ended_at__isnull=True, end="") | Q(ended_at__isnull=False) & ~Q(end=""),
                                   name="session_end_has_its_reason"),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["user_id", "-started_at"], name="session_of_person"),
            models.Index(fields=["active_at"], condition=Q(ended_at__isnull=True), name="session_open"),
        ]


class Visit(TenantModel, Seat):
    """The part of a session that lay in one tenant: what that tenant's auditor sees of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.CharField(max_length=16)
    entered_at = models.DateTimeField()
    idle_s = models.IntegerField()

    objects: ClassVar[TenantManager] = TenantManager()
    #: Across tenants: row-level security lets through the bound person's own rows only.
    own: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "session"], name="visit_once"),
            models.CheckConstraint(condition=Q(ended_at__isnull=True, end="") | Q(ended_at__isnull=False) & ~Q(end=""),
                                   name="visit_end_has_its_reason"),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["tenant_id", "-entered_at", "-id"], name="visit_recent"),
            models.Index(fields=["user_id", "session"], name="visit_of_person"),
            models.Index(fields=["session"], condition=Q(ended_at__isnull=True), name="visit_open"),
        ]


class FailedSignIn(models.Model):
    """How often one account was tried from one place on one day (JST); nobody's data, counts only.

    `address`: where from, or the name of a browser or session that is the person's own; `account` is a person's id, or a keyed hash of a name that nobody has (people type passwords into that field). `strikes`
    are those since the last right password from there.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.CharField(max_length=64)
    address = models.CharField(max_length=64)
    day = models.DateField()
    count = models.IntegerField(default=1)
    strikes = models.IntegerField(default=1)
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "address", "day"], name="failed_sign_in_once")
        ]
        indexes = [models.Index(fields=["address", "day"], name="failed_sign_in_by_address")]


class TenantPolicy(TenantModel):
    """What a tenant has decided about sessions and confirmations; changed by a confirmed operation only.

    No row: 10 minutes, no grace, 24 hours.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    idle_minutes = models.IntegerField()
    grace_seconds = models.IntegerField()
    escalate_hours = models.IntegerField()
    second_factor_from = models.DateField(null=True)
    operation = models.CharField(max_length=36)
    changed_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id"], name="one_policy_a_tenant"),
            models.CheckConstraint(
                condition=Q(idle_minutes__gte=1, idle_minutes__lte=30), name="idle_within_half_an_hour"
            ),
        ]
