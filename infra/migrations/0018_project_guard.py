from django.db import migrations

#: As that of assignments (0009), open to an erasure (ADR 19): schedules follow projects, so a project is what the operation that is being
#: applied says of this very project, and goes only by one that ends it.
GUARD = """
DROP TRIGGER guard_project ON infra_project;
CREATE FUNCTION infra_guard_project() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_row public.infra_project := coalesce(NEW, OLD);
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = v_row.tenant_id AND o.target_id = v_row.id::text AND o.state = 'RUNNING'
          AND CASE WHEN TG_OP = 'DELETE' THEN o.kind = 'project.end'
              ELSE o.kind = 'project.set' AND o.id::text = v_row.operation AND o.confirmed_by_name = v_row.confirmed_by_name
                   AND (o.parameters ->> 'name', o.parameters ->> 'owner', o.parameters ->> 'tag_key', o.parameters -> 'tag_values')
                       = (v_row.name, v_row.owner, v_row.tag_key, v_row.tag_values)
              END
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, v_row.id::text);
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;
CREATE TRIGGER guard_project BEFORE INSERT OR UPDATE OR DELETE ON infra_project
    FOR EACH ROW WHEN (CURRENT_USER <> 'toban_ledger' OR SESSION_USER NOT IN ('toban_web', 'toban_audit')) EXECUTE FUNCTION infra_guard_project();
"""


class Migration(migrations.Migration):
    """A project is what was confirmed of it."""

    dependencies = [("infra", "0017_tagging_guard")]
    operations = [migrations.RunSQL(GUARD)]
