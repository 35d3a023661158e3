from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    """Guards are registered within a maintenance only, events linked behind the newest seal: SQL, see the file beside this one. A
    verification may find damage in the platform's own chain."""

    dependencies = [("medical_audit", "0041_ended_badly")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
        migrations.AlterField("verificationrun", "damage_of", models.CharField(max_length=8, blank=True)),
    ]
