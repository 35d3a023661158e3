from django.db import migrations

from medical_audit.walls import Recorded, Walls

READ, WORK, FULL = "SELECT", "SELECT, INSERT, UPDATE", "SELECT, INSERT, UPDATE, DELETE"
#: What a worker finds out about a repository; what was confirmed about it is the web server's to write.
SEEN = (
    "looked_at", "report", "redmine_repository", "hook_refused_at", "silent", "polled_at", "synced_at", "next_at", "failures",
    "problem", "problem_detail", "problem_since", "heads", "rule", "rule_proof", "hints",
)
#: What changes without an event: what was seen, what GitHub sent, and that somebody wants it looked at.
UNRECORDED = (*SEEN, "look_asked_at", "hook_pinged_at", "hook_came_at")

QUEUE = """
GRANT SELECT (tenant_id, id, state, redmine_identifier, look_asked_at, looked_at, next_at, removal) ON redmine_sync_repository TO toban_queue;
GRANT SELECT (tenant_id, repository_id, state) ON redmine_sync_syncrun TO toban_queue;
CREATE POLICY queue_reader ON redmine_sync_repository FOR SELECT TO toban_queue USING (true);
CREATE POLICY queue_reader ON redmine_sync_syncrun FOR SELECT TO toban_queue USING (true);
SET LOCAL ROLE toban_queue;
-- The web server asks one thing there: whose a delivery may be. Every other function is closed to it.
GRANT USAGE ON SCHEMA queue TO toban_web;
-- Repositories at which there is something to do: to look at, to poll, to fetch, or whose mirror is to be removed.
CREATE FUNCTION queue.due_repositories(p_now timestamptz) RETURNS TABLE (tenant_id uuid, repository_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT r.tenant_id, r.id FROM public.redmine_sync_repository r
    WHERE (r.state IN ('draft', 'active') AND r.look_asked_at > coalesce(r.looked_at, '-infinity'))
       OR (r.state = 'active' AND (coalesce(r.next_at, '-infinity') <= p_now OR EXISTS (
            SELECT 1 FROM public.redmine_sync_syncrun s
            WHERE s.tenant_id = r.tenant_id AND s.repository_id = r.id AND s.state = 'waiting')))
       OR (r.state = 'leaving' AND r.removal ? 'mirror_asked' AND NOT r.removal ? 'mirror')
    ORDER BY r.id
$$;
-- Whose a delivery for this project of a Redmine may be: its signature says which, if any.
CREATE FUNCTION queue.hooked_repositories(p_project text) RETURNS TABLE (tenant_id uuid, repository_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT r.tenant_id, r.id FROM public.redmine_sync_repository r
    WHERE r.redmine_identifier = p_project AND r.state IN ('draft', 'active') ORDER BY r.id LIMIT 100
$$;
REVOKE EXECUTE ON FUNCTION queue.due_repositories(timestamptz), queue.hooked_repositories(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.due_repositories(timestamptz) TO toban_worker, toban_scheduler;
GRANT EXECUTE ON FUNCTION queue.hooked_repositories(text) TO toban_web, toban_worker;
RESET ROLE;
"""

#: A repository is served, with this address and this host key, only while the operation that says so is being applied.
GUARD = """
CREATE FUNCTION redmine_sync_guard_repository() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NEW.state IN ('draft', 'left') OR (
        TG_OP = 'UPDATE' AND OLD.state = NEW.state
        AND (NEW.server_id, NEW.name, NEW.url, NEW.redmine_project, NEW.redmine_identifier, NEW."strict", NEW.host_key, NEW.operation)
            IS NOT DISTINCT FROM
            (OLD.server_id, OLD.name, OLD.url, OLD.redmine_project, OLD.redmine_identifier, OLD."strict", OLD.host_key, OLD.operation)
    ) OR EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.id::text = NEW.operation AND o.tenant_id = NEW.tenant_id AND o.target_id = NEW.id::text AND o.state = 'RUNNING'
          AND (
            (NEW.state = 'active' AND o.kind IN ('repository.register', 'repository.repin')
                AND o.parameters ->> 'url' = NEW.url AND o.parameters ->> 'host_key' = NEW.host_key)
            OR (NEW.state = 'leaving' AND o.kind = 'repository.leave')
          )
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'repository %: it is registered only by a confirmed operation', NEW.id USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER guard_repository BEFORE INSERT OR UPDATE ON redmine_sync_repository
    FOR EACH ROW EXECUTE FUNCTION redmine_sync_guard_repository();
"""


class Migration(migrations.Migration):
    """Walls round repositories and their keys, which are kept from the scheduler and the audit."""

    dependencies = [("redmine_sync", "0003_repositories")]
    operations = [
        Walls(
            "repository",
            grants={
                "toban_web": WORK,
                "toban_worker": f"SELECT, UPDATE ({', '.join((*SEEN, 'removal'))})",
                "toban_scheduler": READ,
                "toban_audit": READ,
            },
        ),
        Walls("repositorysecret", grants={"toban_web": FULL, "toban_worker": "SELECT, UPDATE (sealed, place), DELETE"}),
        Walls("servicekey", grants={"toban_web": FULL, "toban_worker": "SELECT, UPDATE (sealed)"}),
        Walls("syncrun", grants={"toban_web": WORK, "toban_worker": WORK, "toban_audit": READ}),
        Walls("delivery", grants={"toban_web": WORK, "toban_worker": READ, "toban_audit": READ}),
        Recorded(
            "repository", subject="repository", column="id", kinds=("repository.", "operation."), besides=UNRECORDED
        ),
        Recorded(
            "repositorysecret", subject="repository", column="repository_id", kinds=("repository.", "operation.")
        ),
        Recorded("servicekey", subject="redmine", column="server_id", kinds=("redmine.", "operation.")),
        migrations.RunSQL(GUARD),
        migrations.RunSQL(QUEUE),
    ]
