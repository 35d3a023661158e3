"""Exports of the ledger: the row is the queue, the progress and what is known of the file; the file lies beside it in parts."""

import uuid
from typing import Final

from django.db import models

from medical_audit.tenancy import TenantModel


class Format(models.TextChoices):
    CSV = "csv"
    CSV_CP932 = "csv_cp932"
    XLSX = "xlsx"
    PDF = "pdf"
    JSON_LINES = "jsonl"
    DICOM = "dicom"
    FHIR_R4B = "fhir_r4b"
    FHIR_R5 = "fhir_r5"


class Making(models.TextChoices):
    ASKED = "asked"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"
    GONE = "gone"


UNDER_WAY: Final = (Making.ASKED, Making.RUNNING)


class Export(TenantModel):
    """`question`: the filter as it was asked, instants as UTC text; events recorded after `asked_at` are not in it. `report`: which
    report it is, its `question` then the period; `rows_sha256`: the hash of the report's rows, as its page shows it.

    `rows` of `total` so far; `bytes` and `sha256` of the file once it is READY; after `expires_at` its parts are removed.
    `attempts`: how many workers took it up; one that ended so many is not tried for ever.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    format = models.CharField(max_length=10, choices=Format.choices)
    report = models.CharField(max_length=20, blank=True)
    tenant_name = models.CharField(max_length=200)
    language = models.CharField(max_length=5)
    question = models.JSONField(default=dict)
    purpose = models.CharField(max_length=500)
    asked_by_id = models.CharField(max_length=80)
    asked_by_name = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=Making.choices, default=Making.ASKED)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    rows = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    rows_sha256 = models.CharField(max_length=64, blank=True)
    problem = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant_id", "asked_at"], name="export_by_time")]

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def is_ready(self) -> bool:
        return self.state == Making.READY

    @property
    def problem_code(self) -> str:
        return self.problem.partition(":")[0]

    @property
    def problem_detail(self) -> str:
        return self.problem.partition(":")[2].strip()

    @property
    def percent(self) -> int:
        return min(100, self.rows * 100 // self.total) if self.total else 0


class ExportPart(TenantModel):
    """A piece of the file, in order."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    export = models.ForeignKey(Export, on_delete=models.CASCADE, related_name="parts")
    number = models.IntegerField()
    data = models.BinaryField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "export", "number"], name="export_part_once")
        ]
