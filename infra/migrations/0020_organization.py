from django.db import migrations, models

#: The worker that asks AWS Organizations keeps what it said, as it does with a proof.
GRANT = """
GRANT UPDATE (listing, listing_began_at, listing_ended_at) ON infra_accountsetup TO toban_worker;
"""


class Migration(migrations.Migration):
    """Accounts of an organization, those that are begun together, and how AWS answered in the last look."""

    dependencies = [("infra", "0019_price_of_snapshots")]

    operations = [
        migrations.AddField("accountsetup", "listing_asked_at", models.DateTimeField(null=True)),
        migrations.AddField("accountsetup", "listing_began_at", models.DateTimeField(null=True)),
        migrations.AddField("accountsetup", "listing_ended_at", models.DateTimeField(null=True)),
        migrations.AddField("accountsetup", "listing", models.JSONField(default=dict)),
        migrations.AddField("accountsetup", "rollout", models.UUIDField(db_index=True, null=True)),
        migrations.AddField(
            "region",
            "inventory_answers",
            models.JSONField(
                default=dict,
                help_text="how AWS answered in the last look: calls, ms on average, slowest_ms, slowest",
            ),
        ),
        migrations.RunSQL(GRANT, migrations.RunSQL.noop),
    ]
