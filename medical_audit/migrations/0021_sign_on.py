from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    """What an identity provider said when a session began, and whose provider it was."""

    dependencies = [("medical_audit", "0020_ended")]
    operations = [
        migrations.AddField("session", "claims", models.JSONField(default=dict)),
        migrations.AddField("visit", "claims", models.JSONField(default=dict)),
        migrations.AddField("session", "via", models.UUIDField(null=True)),
        migrations.AddField("session", "provider_proof", models.JSONField(null=True)),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False),
    ]
