from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Time stamps of seals: plain SQL, see the file beside this one."""

    dependencies = [("medical_audit", "0017_auditors")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
