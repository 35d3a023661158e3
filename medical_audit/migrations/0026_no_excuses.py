from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Nobody excuses a changed guard or a silence by hand, and no note keeps a person from being erased."""

    dependencies = [("medical_audit", "0025_events_by_kind")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False)
    ]
