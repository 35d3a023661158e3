from django.db import migrations

#: The bell asks on every page for the few events that are news, and reports for sessions and failures, among very many. The index
#: that named the kinds of news was of no use once there were more of them: the whole month was read each time.
KINDS = """
SET LOCAL ROLE toban_ledger;
CREATE INDEX event_kinds ON ledger.event (tenant_id, kind, event_at DESC);
DROP INDEX ledger.event_news;
RESET ROLE;
"""


class Migration(migrations.Migration):
    """Events of a kind are found by an index, whatever kinds there are."""

    dependencies = [("medical_audit", "0024_long_reports"), ("accounts", "0003_notices")]
    operations = [migrations.RunSQL(KINDS)]
