from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """What an event is about is named by reference wherever the name is a person's; corrections of such are erased with it."""

    dependencies = [("medical_audit", "0026_no_excuses")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False)
    ]
