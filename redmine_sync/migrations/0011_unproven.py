from django.db import migrations, models


class Migration(migrations.Migration):
    """Commits whose links are proven by a later visit: a worker finds them out, nobody decides it."""

    dependencies = [("redmine_sync", "0010_erasable_tickets")]
    operations = [
        migrations.AddField(model_name="repository", name="unproven", field=models.JSONField(default=list)),
        migrations.RunSQL("GRANT UPDATE (unproven) ON redmine_sync_repository TO toban_worker"),
    ]
