from django.db import migrations

FAIR = """
SET LOCAL ROLE toban_queue;
-- Each tenant's first (those that are served before drafts) come before any tenant's second: nobody's drafts crowd others out.
CREATE OR REPLACE FUNCTION queue.hooked_repositories(p_project text) RETURNS TABLE (tenant_id uuid, repository_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT own.tenant_id, own.id FROM (
        SELECT r.tenant_id, r.id, row_number() OVER (PARTITION BY r.tenant_id ORDER BY r.state <> 'active', r.id) AS place
        FROM public.redmine_sync_repository r
        WHERE r.redmine_identifier = p_project AND r.state IN ('draft', 'active')
    ) own
    ORDER BY own.place, own.id LIMIT 100
$$;
RESET ROLE;
"""


class Migration(migrations.Migration):
    """Whose a delivery may be is asked of every tenant in turn."""

    dependencies = [("redmine_sync", "0006_topics")]
    operations = [migrations.RunSQL(FAIR, elidable=False)]
