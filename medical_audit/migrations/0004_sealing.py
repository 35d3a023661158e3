from pathlib import Path

from django.db import migrations

HERE = Path(__file__)
CATALOGUE = HERE.with_name("catalogue.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    """Sealed checkpoints, tree heads, the catalogue's digest and its maintenance: plain SQL, see the file beside this one."""

    dependencies = [("medical_audit", "0003_walls")]
    operations = [
        migrations.RunSQL(HERE.with_suffix(".sql").read_text(encoding="utf-8").replace(":catalogue_digest", CATALOGUE))
    ]
