from django.db import migrations

from medical_audit.walls import Recorded, Walls

READ, WORK = "SELECT", "SELECT, INSERT, UPDATE"
PLAN = "UPDATE (next_change_at, next_action, planned_from)"

QUEUE = """
GRANT SELECT (tenant_id, next_change_at) ON infra_resource TO toban_queue;
GRANT SELECT (tenant_id, id, inventory_tried_at) ON infra_region TO toban_queue;
CREATE POLICY queue_reader ON infra_resource FOR SELECT TO toban_queue USING (true);
CREATE POLICY queue_reader ON infra_region FOR SELECT TO toban_queue USING (true);
SET LOCAL ROLE toban_queue;
CREATE FUNCTION queue.due_tenants(p_now timestamptz) RETURNS TABLE (tenant_id uuid, due bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$ SELECT r.tenant_id, count(*) FROM public.infra_resource r WHERE r.next_change_at <= p_now GROUP BY 1 ORDER BY 1 $$;
CREATE FUNCTION queue.due_inventories(p_before timestamptz, p_now timestamptz) RETURNS TABLE (tenant_id uuid, region_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT r.tenant_id, r.id FROM public.infra_region r
    WHERE r.inventory_tried_at IS NULL OR r.inventory_tried_at <= p_before OR r.inventory_tried_at > p_now
    ORDER BY r.inventory_tried_at NULLS FIRST
$$;
REVOKE EXECUTE ON FUNCTION queue.due_tenants(timestamptz), queue.due_inventories(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.due_tenants(timestamptz), queue.due_inventories(timestamptz, timestamptz) TO toban_worker, toban_scheduler;
RESET ROLE;
"""

#: The clock of an account is switched by applying an `account.automation` of this account, as it was confirmed. Such an
#: operation is RUNNING inside the transaction that confirms it and never again, so that none can be used twice.
AUTOMATION = """
CREATE FUNCTION infra_guard_automation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF (NEW.automation, NEW.automation_operation, NEW.automation_confirmed_by_id, NEW.automation_confirmed_by_name,
        NEW.automation_confirmed_at)
       IS NOT DISTINCT FROM
       (coalesce(OLD.automation, 'observe'), coalesce(OLD.automation_operation, ''), coalesce(OLD.automation_confirmed_by_id, ''),
        coalesce(OLD.automation_confirmed_by_name, ''), OLD.automation_confirmed_at)
       OR EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.id::text = NEW.automation_operation AND o.tenant_id = NEW.tenant_id AND o.kind = 'account.automation'
          AND o.target_type = 'account' AND o.target_id = NEW.id::text AND o.state = 'RUNNING'
          AND o.parameters ->> 'mode' = NEW.automation
          AND (o.confirmed_by_id, o.confirmed_by_name) = (NEW.automation_confirmed_by_id, NEW.automation_confirmed_by_name)
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'account %: its clock is switched only by a confirmed operation', NEW.id USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER guard_automation BEFORE INSERT OR UPDATE ON infra_awsaccount
    FOR EACH ROW EXECUTE FUNCTION infra_guard_automation();
"""


class Migration(migrations.Migration):
    """Walls round everything of this app; the role and ExternalId of an account are kept from the scheduler."""

    dependencies = [("infra", "0001_initial"), ("accounts", "0002_walls")]
    operations = [
        Walls("awsaccount", grants={"toban_web": WORK, "toban_worker": READ, "toban_scheduler": READ, "toban_audit": READ}),
        Walls("accounttrust", grants={"toban_web": WORK, "toban_worker": READ}),
        Recorded("awsaccount", subject="account", column="id", kinds=("account.", "operation.")),
        Recorded("accounttrust", subject="account", column="account_id", kinds=("account.", "operation.")),
        migrations.RunSQL(AUTOMATION),
        Walls(
            "region",
            grants={"toban_web": WORK, "toban_worker": "SELECT, UPDATE", "toban_scheduler": READ, "toban_audit": READ},
        ),
        Walls(
            "resource",
            grants={
                "toban_web": f"SELECT, {PLAN}",
                "toban_worker": WORK,
                "toban_scheduler": f"SELECT, {PLAN}",
                "toban_audit": READ,
            },
        ),
        Walls("finding", grants={"toban_web": READ, "toban_worker": WORK, "toban_scheduler": READ, "toban_audit": READ}),
        Walls("volume", grants={"toban_web": READ, "toban_worker": WORK, "toban_scheduler": READ, "toban_audit": READ}),
        Walls("attachment", grants={"toban_web": READ, "toban_worker": WORK, "toban_scheduler": READ, "toban_audit": READ}),
        migrations.RunSQL(QUEUE),
    ]
