from django.db import migrations, models

GRANT = "GRANT UPDATE (version) ON medical_audit_storedanswer TO toban_web"


class Migration(migrations.Migration):
    """An answer that is given again has the ETag that it had at first."""

    dependencies = [("medical_audit", "0035_reports_after_a_purge")]
    operations = [
        migrations.AddField("storedanswer", "version", models.CharField(max_length=80, blank=True, default="")),
        migrations.RunSQL(GRANT, elidable=False),
    ]
