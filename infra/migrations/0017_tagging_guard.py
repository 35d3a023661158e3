from django.db import migrations

#: As the brake's (0009), open to an erasure (ADR 19): a rule is written while the operation that says so word for word is being applied, and never goes.
GUARD = """
CREATE FUNCTION infra_guard_tagging() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.id::text = NEW.operation AND o.kind = 'tagging.rules' AND o.state = 'RUNNING'
          AND o.parameters ->> 'account' = coalesce(NEW.account_id::text, '') AND o.parameters -> 'after' = NEW.content
          AND (o.confirmed_by_id, o.confirmed_by_name) = (NEW.confirmed_by_id, NEW.confirmed_by_name)
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, NEW.id::text);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_tagging BEFORE INSERT OR UPDATE ON infra_taggingrule
    FOR EACH ROW WHEN (CURRENT_USER <> 'toban_ledger' OR SESSION_USER NOT IN ('toban_web', 'toban_audit')) EXECUTE FUNCTION infra_guard_tagging();
"""


class Migration(migrations.Migration):
    """Which tags volumes get changes only by a confirmed operation."""

    dependencies = [("infra", "0016_erasable")]
    operations = [migrations.RunSQL(GUARD)]
