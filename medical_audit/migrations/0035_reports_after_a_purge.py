from django.db import migrations

GRANT = """
SET LOCAL ROLE toban_ledger;
GRANT SELECT ON ledger.tombstone TO toban_worker;
RESET ROLE;
"""


class Migration(migrations.Migration):
    """A long report is made by a worker, and sessions of a purged time are left out of it: it has to see what was let go."""

    dependencies = [("medical_audit", "0034_elsewhere")]
    operations = [migrations.RunSQL(GRANT, elidable=False)]
