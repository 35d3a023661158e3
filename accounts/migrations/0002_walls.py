from django.db import migrations

from medical_audit.walls import THIS_USER, Grant, Recorded, Walls

READ = "SELECT"
PERSON = "SELECT (id, username, name, is_active)"
OWN_TENANTS = f"id IN (SELECT m.tenant_id FROM accounts_membership m WHERE m.user_id = {THIS_USER})"

EVERY_TENANT = """
GRANT SELECT (id) ON accounts_tenant TO toban_queue;
CREATE POLICY queue_reader ON accounts_tenant FOR SELECT TO toban_queue USING (true);
SET LOCAL ROLE toban_queue;
-- Ids only: for processes that serve every tenant in turn.
CREATE FUNCTION queue.tenants() RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$ SELECT id FROM public.accounts_tenant ORDER BY id $$;
REVOKE EXECUTE ON FUNCTION queue.tenants() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.tenants() TO toban_worker, toban_scheduler, toban_audit;
RESET ROLE;
"""


class Migration(migrations.Migration):
    """Walls round tenants and memberships (each person also sees his own), rights on the global tables."""

    dependencies = [
        ("accounts", "0001_initial"),
        ("medical_audit", "0003_walls"),
        ("sessions", "0001_initial"),
    ]
    operations = [
        Walls(
            "membership",
            also=f"user_id = {THIS_USER}",
            grants={
                "toban_web": "SELECT, INSERT, UPDATE, DELETE",
                "toban_worker": READ,
                "toban_scheduler": READ,
                "toban_audit": READ,
            },
        ),
        Walls(
            "tenant",
            also=OWN_TENANTS,
            tenant_column="id",
            grants={"toban_web": "SELECT, INSERT, UPDATE", "toban_worker": READ, "toban_scheduler": READ, "toban_audit": READ},
        ),
        Grant(
            "accounts_user",
            {"toban_web": "SELECT, INSERT, UPDATE", "toban_worker": PERSON, "toban_scheduler": PERSON, "toban_audit": PERSON},
        ),
        Grant("django_session", {"toban_web": "SELECT, INSERT, UPDATE, DELETE"}),
        # Who may come in, and as what, changes with a record only; when somebody last signed in has one of its own.
        Recorded("membership", subject="user", column="user_id", kinds=("member.", "operation.")),
        Recorded("tenant", subject="tenant", column="id", kinds=("tenant.", "operation.")),
        Recorded("user", subject="user", column="id", kinds=("user.", "operation."), besides=("last_login",)),
        migrations.RunSQL(EVERY_TENANT),
    ]
