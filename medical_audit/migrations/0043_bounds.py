from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """No single row ends verdicts, bundles or people for good, and a month that is made waits for nobody: plain SQL beside this."""

    dependencies = [("medical_audit", "0042_in_order")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False)
    ]
