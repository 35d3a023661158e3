from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Linking at COMMIT looks into one partition: see the file beside this one."""

    dependencies = [("medical_audit", "0007_authority")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
