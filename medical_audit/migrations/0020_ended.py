from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    """What cannot be done ends: exports that fail each worker, purges that people end, restores that nobody signed."""

    dependencies = [("medical_audit", "0019_people")]
    operations = [
        migrations.AddField(
            model_name="export", name="attempts", field=models.PositiveSmallIntegerField(default=0)
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
    ]
