from pathlib import Path

from django.db import migrations

HERE = Path(__file__)
CATALOGUE = HERE.with_name("catalogue.sql").read_text(encoding="utf-8")


class Migration(migrations.Migration):
    """No row is planted beside the guards: plain SQL, see the file beside this one."""

    dependencies = [("medical_audit", "0039_two_and_proxies")]
    operations = [
        migrations.RunSQL(
            HERE.with_suffix(".sql").read_text(encoding="utf-8").replace(":catalogue_digest", CATALOGUE),
            elidable=False,
        )
    ]
