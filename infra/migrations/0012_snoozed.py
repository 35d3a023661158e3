from django.db import migrations, models

GRANT = "GRANT UPDATE (left_over_at, snoozed_until, snooze_reason, snoozed_by_name) ON infra_volume TO toban_web"


class Migration(migrations.Migration):
    """Volumes that people want to keep for now: theirs to say, so the web server writes it."""

    dependencies = [("infra", "0011_left_over")]
    operations = [
        migrations.AddField("volume", "snoozed_until", models.DateTimeField(null=True)),
        migrations.AddField(
            "volume", "snooze_reason", models.CharField(blank=True, default="", max_length=500), preserve_default=False
        ),
        migrations.AddField(
            "volume", "snoozed_by_name", models.CharField(blank=True, default="", max_length=200), preserve_default=False
        ),
        migrations.RunSQL(GRANT),
    ]
