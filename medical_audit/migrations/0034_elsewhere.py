from pathlib import Path

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """From which other networks one session was used, and visits that stayed open are found."""

    dependencies = [("medical_audit", "0033_holds_keep_failures")]
    operations = [
        migrations.AddField("session", "elsewhere", models.JSONField(default=list)),
        migrations.AddIndex(
            "visit", models.Index(fields=["session"], condition=Q(ended_at__isnull=True), name="visit_open")
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False),
    ]
