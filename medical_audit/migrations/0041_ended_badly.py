from django.db import migrations, models


class Migration(migrations.Migration):
    """What went wrong is looked for by when it ended, not by when it was entered."""

    dependencies = [("medical_audit", "0040_children")]
    operations = [
        migrations.AddIndex(
            "operation",
            models.Index(
                condition=models.Q(("state__in", ["FAILED", "MISSED"])),
                fields=["tenant_id", "finished_at"],
                name="operation_ended_badly",
            ),
        ),
    ]
