from django.db import migrations, models

#: Whoever proves the roles says which features count by it.
GRANT = "GRANT UPDATE (in_force) ON infra_accountsetup TO toban_worker;"
#: What an account was taken in with counts on: it was proven then. The owner, who migrates, sees no tenant's row to update it; rewriting
#: the column asks for none.
KEEP = """
ALTER TABLE infra_accountsetup ALTER COLUMN in_force TYPE jsonb
    USING CASE WHEN registered_id IS NULL THEN '[]'::jsonb ELSE features END;
"""


class Migration(migrations.Migration):
    """Which of an account's features count: those that a proof found every right for."""

    dependencies = [("infra", "0020_organization")]

    operations = [
        migrations.AddField("accountsetup", "in_force", models.JSONField(default=list)),
        migrations.RunSQL(GRANT, migrations.RunSQL.noop),
        migrations.RunSQL(KEEP, migrations.RunSQL.noop),
    ]
