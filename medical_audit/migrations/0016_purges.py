import uuid
from pathlib import Path

from django.db import migrations, models

from medical_audit.walls import Recorded, Walls


class Migration(migrations.Migration):
    """For how long a tenant keeps its record, and tombstones for what has gone: see the file beside this one."""

    dependencies = [("medical_audit", "0015_restores")]
    operations = [
        migrations.CreateModel(
            name="Retention",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("years", models.IntegerField()),
                ("hold", models.TextField(blank=True)),
                ("operation", models.CharField(max_length=36)),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id",), name="one_retention_a_tenant"),
                    models.CheckConstraint(condition=models.Q(("years__gte", 5)), name="retention_at_least"),
                ],
            },
        ),
        Walls("retention", grants={"toban_web": "SELECT, INSERT, UPDATE", "toban_audit": "SELECT"}),
        Recorded("retention", subject="retention", column="tenant_id", kinds=("operation.",)),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(("kind", "ledger.purge")), fields=["tenant_id"], name="operation_purges"
            ),
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
    ]
