from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Two people and entries for somebody else go together."""

    dependencies = [("medical_audit", "0038_whole_months")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False)
    ]
