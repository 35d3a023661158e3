from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """No single role destroys what can be read of people; one tenant's erasure leaves what another one still needs."""

    dependencies = [("medical_audit", "0021_sign_on")]
    operations = [
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False)
    ]
