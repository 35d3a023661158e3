from django.db import migrations, models


class Migration(migrations.Migration):
    """How much a look at a Redmine still has before it: a worker finds it out, nobody decides it."""

    dependencies = [("redmine_sync", "0004_repository_walls")]
    operations = [
        migrations.AddField(model_name="redmineserver", name="unread", field=models.IntegerField(default=0)),
        migrations.RunSQL("GRANT UPDATE (unread) ON redmine_sync_redmineserver TO toban_worker"),
    ]
