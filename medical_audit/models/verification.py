"""Verifications that people ask for: the row is the queue, the progress and the result."""

import uuid

from django.db import models

from medical_audit.tenancy import TenantModel


class Verdict(models.TextChoices):
    ASKED = "asked"
    RUNNING = "running"
    INTACT = "intact"
    DAMAGED = "damaged"
    UNSAID = "unsaid"


#: A problem that begins so is one of the program's own.
BROKEN = "broken: "
OPEN = (Verdict.ASKED, Verdict.RUNNING)


class VerificationRun(TenantModel):
    """`checked` of `total` events so far. `damage` at `damage_seq`: of the chain, of the platform's own, or of the seals
    (`damage_of`).

    `seal` is the newest one, `anchors` [{name, number, problem}], `silences` how often the sealer stood still.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    verdict = models.CharField(max_length=8, choices=Verdict.choices, default=Verdict.ASKED)
    asked_by_id = models.CharField(max_length=80)
    asked_by_name = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    checked = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    damage = models.CharField(max_length=20, blank=True)
    damage_of = models.CharField(max_length=8, blank=True)
    damage_seq = models.BigIntegerField(null=True)
    sealed = models.BigIntegerField(default=0)
    seal = models.BigIntegerField(default=0)
    anchors = models.JSONField(default=list)
    silences = models.IntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id"], condition=models.Q(verdict__in=OPEN), name="verification_one_open"
            )
        ]
        indexes = [models.Index(fields=["tenant_id", "asked_at"], name="verification_by_time")]

    @property
    def is_open(self) -> bool:
        return self.verdict in OPEN

    @property
    def is_broken(self) -> bool:
        """Whether the verification itself failed."""
        return self.problem.startswith(BROKEN)

    @property
    def percent(self) -> int:
        return min(100, self.checked * 100 // self.total) if self.total else 0
