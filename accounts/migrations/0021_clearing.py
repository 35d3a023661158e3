from django.db import migrations

#: Whoever sends also takes away what nothing is sent with any more; it never makes anything active (0008, 0015).
GRANT = """
GRANT UPDATE (state) ON accounts_channel TO toban_worker;
GRANT DELETE ON accounts_channelsecret TO toban_worker;
"""


class Migration(migrations.Migration):
    """Rooms of people who have left end, and unused secrets go, by the worker."""

    dependencies = [("accounts", "0020_forget_answers")]
    operations = [migrations.RunSQL(GRANT, elidable=False)]
