from django.db import migrations

#: What was kept for a call that is sent twice holds what people are called; it goes by the clock, whether another call comes or not.
GRANT = "GRANT SELECT (tenant_id, id, expires_at), DELETE ON medical_audit_storedanswer TO toban_scheduler"


class Migration(migrations.Migration):
    """The clock forgets answers that nobody can ask for any more."""

    dependencies = [("accounts", "0019_admissions"), ("medical_audit", "0026_no_excuses")]
    operations = [migrations.RunSQL(GRANT, elidable=False)]
