from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """The ledger's schema, functions, triggers and partitions: plain SQL, see the file beside this one."""

    dependencies = [("medical_audit", "0001_initial")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))]
