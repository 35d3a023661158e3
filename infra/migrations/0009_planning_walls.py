from pathlib import Path

from django.db import migrations

from medical_audit.walls import Recorded


class Migration(migrations.Migration):
    """What decides about servers changes only by a confirmed operation, and a schedule only with an event about it."""

    dependencies = [("infra", "0008_holiday_feeds")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
        Recorded("namedschedule", subject="schedule", column="id", kinds=("schedule.", "operation.")),
    ]
