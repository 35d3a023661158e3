from pathlib import Path

from django.db import migrations

HERE = Path(__file__)
CATALOGUE = HERE.with_name("catalogue.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    """What the ledger's own writers could still do unseen is refused or told: plain SQL, see the file beside this one."""

    dependencies = [("medical_audit", "0030_standing_for")]
    operations = [
        migrations.RunSQL(HERE.with_suffix(".sql").read_text(encoding="utf-8").replace(":catalogue_digest", CATALOGUE))
    ]
