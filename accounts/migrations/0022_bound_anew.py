from pathlib import Path

from django.db import migrations, models
from django.db.models import Q

LIVE = Q(ended_at__isnull=True)


class Migration(migrations.Migration):
    """Whom a provider means can end, by two people's decision, and be bound anew; what was bound stays written down."""

    dependencies = [("accounts", "0021_clearing")]
    operations = [
        migrations.AddField("signonlink", "ended_at", models.DateTimeField(null=True)),
        migrations.AddField("signonlink", "ended_operation", models.CharField(blank=True, default="", max_length=36)),
        *(migrations.RemoveConstraint("signonlink", name) for name in ("sign_on_subject_once", "sign_on_person_once")),
        migrations.AddConstraint(
            "signonlink",
            models.UniqueConstraint(
                fields=("tenant_id", "issuer", "subject"), condition=LIVE, name="sign_on_subject_once"
            ),
        ),
        migrations.AddConstraint(
            "signonlink",
            models.UniqueConstraint(
                fields=("tenant_id", "issuer", "user"), condition=LIVE, name="sign_on_person_once"
            ),
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False),
    ]
