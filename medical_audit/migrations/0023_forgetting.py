from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """What nobody known sent goes by itself; a name is taken out of what is sent outside without touching what only looks like it."""

    dependencies = [("medical_audit", "0022_kept")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False)
    ]
