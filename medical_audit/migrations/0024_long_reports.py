from django.db import migrations, models

from medical_audit.walls import Grant


class Migration(migrations.Migration):
    """Reports that are too long to be made while somebody waits are made by a worker, which reads who sat where for that."""

    dependencies = [("medical_audit", "0023_forgetting")]
    operations = [
        migrations.AddField(
            model_name="export", name="report", field=models.CharField(max_length=20, blank=True, default=""), preserve_default=False
        ),
        migrations.AddField(
            model_name="export", name="rows_sha256", field=models.CharField(max_length=64, blank=True, default=""), preserve_default=False
        ),
        Grant("medical_audit_visit", {"toban_worker": "SELECT"}),
    ]
