"""The row of one privileged action: the queue, the approval and the result in one place."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q

from medical_audit.domain.states import AUTHORISING, ENDED_BADLY, OPEN, UNCONFIRMED, Phase, State
from medical_audit.tenancy import TenantManager, TenantModel


class Operation(TenantModel):
    """Names and ids only, no foreign keys: evidence must survive the things it speaks of.

    What a person confirms (`kind`, `target_*`, `parameters`, `shown`, `digest`, who entered) never changes after
    the insert; a database trigger holds that, and another one holds the state machine. `work_at` is when a worker
    should look next (None: nobody should), `dedupe_key` makes one due instant one row. `policy_role` is the role that both
    confirmers of policy `two` hold; `corrects` names the version that this one, `version`, takes the place of. `told_once` is no
    column: what applying it tells its confirmer and nobody else, kept nowhere.
    """

    told_once: str = ""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=60)
    target_type = models.CharField(max_length=30)
    target_id = models.CharField(max_length=64)
    target_name = models.CharField(max_length=300)
    lane = models.CharField(max_length=80, blank=True)
    parameters = models.JSONField(default=dict)
    shown = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    reason = models.TextField(blank=True)
    dedupe_key = models.CharField(max_length=200, null=True)

    entered_by_type = models.CharField(max_length=10)
    entered_by_id = models.CharField(max_length=64)
    entered_by_name = models.CharField(max_length=200)
    on_behalf_of_id = models.CharField(max_length=64, blank=True)
    on_behalf_of_name = models.CharField(max_length=200, blank=True)
    entered_at = models.DateTimeField()
    due_at = models.DateTimeField()
    deadline = models.DateTimeField()
    approval_expires_at = models.DateTimeField()

    policy = models.CharField(max_length=10)
    policy_role = models.CharField(max_length=20, blank=True, default="")
    corrects = models.UUIDField(null=True)
    version = models.IntegerField(default=1)
    authority = models.JSONField(default=dict)
    confirmed_by_id = models.CharField(max_length=64, blank=True)
    confirmed_by_name = models.CharField(max_length=200, blank=True)
    confirmed_at = models.DateTimeField(null=True)
    reauthentication = models.CharField(max_length=30, blank=True)

    state = models.CharField(max_length=10, choices=[(s, s) for s in State])
    phase = models.CharField(max_length=10, blank=True, choices=[(p, p) for p in Phase])
    attempts = models.IntegerField(default=0)
    fence = models.BigIntegerField(default=0)
    work_at = models.DateTimeField(null=True)
    called_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    verify_until = models.DateTimeField(null=True)
    unknown_since = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=60, blank=True)
    outcome_detail = models.JSONField(default=dict)
    request_id = models.CharField(max_length=100, blank=True)

    objects: ClassVar[TenantManager] = TenantManager()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "dedupe_key"],
                condition=Q(dedupe_key__isnull=False),
                name="operation_once",
            ),
            models.UniqueConstraint(
                fields=["tenant_id", "corrects"],
                condition=Q(corrects__isnull=False, state__in=["ENTERED", *sorted(map(str, AUTHORISING))]),
                name="operation_corrected_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(map(str, UNCONFIRMED))) | ~Q(confirmed_by_id=""),
                name="operation_confirmed_by_somebody",
            ),
        ]
        indexes = [
            models.Index(
                fields=["work_at", "lane"], condition=Q(work_at__isnull=False), name="operation_work"
            ),
            models.Index(
                fields=["tenant_id", "lane", "work_at"],
                condition=Q(work_at__isnull=False),
                name="op_lane_work",
            ),
            models.Index(
                fields=["deadline"],
                condition=Q(state__in=[str(s) for s in sorted(OPEN)]),
                name="operation_overdue",
            ),
            models.Index(fields=["tenant_id"], condition=Q(kind="ledger.purge"), name="operation_purges"),
            models.Index(fields=["tenant_id", "-entered_at", "-id"], name="operation_recent"),
            models.Index(
                fields=["tenant_id", "target_type", "target_id", "-entered_at"], name="operation_of_target"
            ),
            models.Index(fields=["tenant_id", "state", "-entered_at"], name="operation_by_state"),
            models.Index(
                fields=["tenant_id", "finished_at"],
                condition=Q(state__in=sorted(map(str, ENDED_BADLY))),
                name="operation_ended_badly",
            ),
            models.Index(
                fields=["tenant_id", "on_behalf_of_id", "-entered_at", "-id"],
                condition=~Q(on_behalf_of_id=""),
                name="operation_for_another",
            ),
        ]
