from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Restores that two people signed, and what was lost by them: see the file beside this one."""

    dependencies = [("medical_audit", "0014_strikes")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
