from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Operations are entered and confirmed at the time it is: plain SQL, see the file beside this one."""

    dependencies = [("medical_audit", "0031_told")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
