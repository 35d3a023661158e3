from django.db import migrations

QUEUE = """
GRANT SELECT (looking) ON infra_region TO toban_queue;
SET LOCAL ROLE toban_queue;
CREATE OR REPLACE FUNCTION queue.due_inventories(p_before timestamptz, p_now timestamptz) RETURNS TABLE (tenant_id uuid, region_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT r.tenant_id, r.id FROM public.infra_region r
    WHERE r.looking IN ('on', 'leaving')
      AND (r.inventory_tried_at IS NULL OR r.inventory_tried_at <= p_before OR r.inventory_tried_at > p_now)
    ORDER BY r.inventory_tried_at NULLS FIRST
$$;
RESET ROLE;
"""


class Migration(migrations.Migration):
    """Nobody asks for a look at a region that waits for its proof or was left: such a row is never tried, and would stand first for ever."""

    dependencies = [("infra", "0023_looking")]
    operations = [migrations.RunSQL(QUEUE, elidable=False)]
