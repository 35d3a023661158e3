from django.db import migrations

SQL = """
GRANT SELECT (last_note, target_name), UPDATE (last_note, target_name) ON redmine_sync_ticket TO toban_ledger;
SET LOCAL ROLE toban_ledger;
INSERT INTO ledger.person_column (relation, person, columns, everywhere) VALUES
    ('public.redmine_sync_ticket', 'target_name', ARRAY['target_name'], false),
    ('public.redmine_sync_ticket', '{}', ARRAY['last_note'], false);
RESET ROLE;
"""


class Migration(migrations.Migration):
    """A ticket about a member is called by his name, and what people write into one may name him."""

    dependencies = [("redmine_sync", "0009_erasable_entries")]
    operations = [migrations.RunSQL(SQL)]
