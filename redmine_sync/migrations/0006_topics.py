from django.db import migrations, models

QUEUE = """
GRANT UPDATE (caught_up_seq) ON redmine_sync_redmineserver TO toban_worker;
GRANT UPDATE (hook) ON redmine_sync_redminekey TO toban_worker;
SET LOCAL ROLE toban_queue;
-- Whose the server is that a webhook of Redmine names in its address: its signature says whether it is believed.
CREATE FUNCTION queue.hooked_redmine(p_server uuid) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT s.tenant_id FROM public.redmine_sync_redmineserver s WHERE s.id = p_server AND s.state = 'active'
$$;
REVOKE EXECUTE ON FUNCTION queue.hooked_redmine(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.hooked_redmine(uuid) TO toban_web;
RESET ROLE;
"""


class Migration(migrations.Migration):
    """What a rule tells of besides, tickets for all of a project, and the webhook of Redmine itself."""

    dependencies = [("redmine_sync", "0005_unread")]
    operations = [
        migrations.AddField("ticketrule", "topics", models.JSONField(default=dict)),
        migrations.AddField("ticket", "items", models.JSONField(default=dict)),
        migrations.AddField("redmineserver", "caught_up_seq", models.BigIntegerField(default=0)),
        migrations.AddField("redmineserver", "hook_came_at", models.DateTimeField(null=True)),
        migrations.AddField("redminekey", "hook", models.TextField(blank=True, default=""), preserve_default=False),
        migrations.RunSQL(QUEUE),
    ]
