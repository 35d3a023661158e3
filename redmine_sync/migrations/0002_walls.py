from django.db import migrations

from medical_audit.walls import Recorded, Walls

READ, WORK, FULL = "SELECT", "SELECT, INSERT, UPDATE", "SELECT, INSERT, UPDATE, DELETE"
#: What a worker finds out about a server; what was confirmed about it is the web server's to write.
SEEN = (
    "report", "probed_at", "key_field", "bot_id", "problem", "problem_since", "followed_seq", "polled_at", "polled_to",
    "reconciled_at",
)

QUEUE = """
GRANT SELECT (tenant_id, id, state, probe_asked_at, probed_at) ON redmine_sync_redmineserver TO toban_queue;
CREATE POLICY queue_reader ON redmine_sync_redmineserver FOR SELECT TO toban_queue USING (true);
SET LOCAL ROLE toban_queue;
-- Servers to visit: those that are connected, and drafts that somebody asked to have looked at.
CREATE FUNCTION queue.redmine_servers() RETURNS TABLE (tenant_id uuid, server_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT s.tenant_id, s.id FROM public.redmine_sync_redmineserver s
    WHERE s.state = 'active' OR (s.state = 'draft' AND (s.probed_at IS NULL OR s.probed_at < s.probe_asked_at))
    ORDER BY s.id
$$;
REVOKE EXECUTE ON FUNCTION queue.redmine_servers() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.redmine_servers() TO toban_worker, toban_scheduler;
RESET ROLE;
"""

#: A server becomes active, and a rule comes or changes, only while the operation that says so is being applied: such an
#: operation is RUNNING inside the transaction that confirms it and never again.
GUARDS = """
CREATE FUNCTION redmine_sync_guard_server() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NEW.state <> 'active' OR (
        TG_OP = 'UPDATE' AND OLD.state = 'active'
        AND (NEW.url, NEW.language, NEW.open_status, NEW.closed_status, NEW.snooze_days, NEW.operation, NEW.confirmed_by_name)
            IS NOT DISTINCT FROM
            (OLD.url, OLD.language, OLD.open_status, OLD.closed_status, OLD.snooze_days, OLD.operation, OLD.confirmed_by_name)
    ) OR EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.id::text = NEW.operation AND o.tenant_id = NEW.tenant_id AND o.kind = 'redmine.connect'
          AND o.state = 'RUNNING' AND o.parameters ->> 'url' = NEW.url AND o.confirmed_by_name = NEW.confirmed_by_name
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'redmine %: it is connected only by a confirmed operation', NEW.id USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER guard_server BEFORE INSERT OR UPDATE ON redmine_sync_redmineserver
    FOR EACH ROW EXECUTE FUNCTION redmine_sync_guard_server();
CREATE FUNCTION redmine_sync_guard_rule() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.id::text = NEW.operation AND o.tenant_id = NEW.tenant_id AND o.kind = 'ticket.rule'
          AND o.target_id = NEW.id::text AND o.state = 'RUNNING' AND o.parameters ->> 'project' = NEW.project
          AND (o.parameters ->> 'redmine_project')::integer = NEW.redmine_project
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'ticket rule %: it changes only by a confirmed operation', NEW.id USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER guard_rule BEFORE INSERT OR UPDATE ON redmine_sync_ticketrule
    FOR EACH ROW EXECUTE FUNCTION redmine_sync_guard_rule();
"""


class Migration(migrations.Migration):
    """Walls round everything of this app; the API key is kept from the scheduler and the audit."""

    dependencies = [("redmine_sync", "0001_initial"), ("medical_audit", "0003_walls"), ("accounts", "0002_walls")]
    operations = [
        Walls(
            "redmineserver",
            grants={
                "toban_web": WORK,
                "toban_worker": f"SELECT, UPDATE ({', '.join(SEEN)})",
                "toban_scheduler": READ,
                "toban_audit": READ,
            },
        ),
        Walls("redminekey", grants={"toban_web": FULL, "toban_worker": "SELECT, UPDATE (sealed)"}),
        Walls("ticketrule", grants={"toban_web": FULL, "toban_worker": READ, "toban_audit": READ}),
        Walls("ticket", grants={"toban_web": "SELECT, UPDATE", "toban_worker": FULL, "toban_audit": READ}),
        Walls("entry", grants={"toban_web": WORK, "toban_worker": FULL, "toban_audit": READ}),
        Recorded(
            "redmineserver", subject="redmine", column="id", kinds=("redmine.", "operation."),
            besides=(*SEEN, "probe_asked_at"),
        ),
        Recorded("redminekey", subject="redmine", column="server_id", kinds=("redmine.", "operation.")),
        Recorded("ticketrule", subject="ticket_rule", column="id", kinds=("operation.",)),
        migrations.RunSQL(GUARDS),
        migrations.RunSQL(QUEUE),
    ]
