from django.db import migrations

#: The clock asks which features are in force before it enters anything; it reads neither the ExternalId nor the proof beside it.
GRANT = "GRANT SELECT (id, tenant_id, registered_id, started_at, in_force) ON infra_accountsetup TO toban_scheduler;"


class Migration(migrations.Migration):
    """What belongs to no feature in force is entered by nobody, the clock neither."""

    dependencies = [("infra", "0024_due_regions")]
    operations = [migrations.RunSQL(GRANT, migrations.RunSQL.noop)]
