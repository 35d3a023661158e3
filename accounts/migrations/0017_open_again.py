from django.db import migrations

#: What is decided stays decided (0012), but for a right that was to be taken and was not: its operation was turned down or ran out.
GUARD = """
CREATE OR REPLACE FUNCTION accounts_guard_recertified() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF OLD.decision = 'open' OR NEW IS NOT DISTINCT FROM OLD THEN
        RETURN NEW;
    END IF;
    IF OLD.decision = 'take' AND NEW.decision = 'open'
        AND (NEW.id, NEW.tenant_id, NEW.recertification_id, NEW.user_id, NEW.role, NEW.granted_at)
            = (OLD.id, OLD.tenant_id, OLD.recertification_id, OLD.user_id, OLD.role, OLD.granted_at)
        AND NEW.decided_at IS NULL AND concat(NEW.decided_by_id, NEW.decided_by_name, NEW.reason, NEW.operation) = ''
        AND EXISTS (
            SELECT 1 FROM public.medical_audit_operation o
            WHERE o.tenant_id = OLD.tenant_id AND o.id::text = OLD.operation
              AND o.state IN ('REJECTED', 'WITHDRAWN', 'EXPIRED', 'CANCELLED', 'FAILED', 'MISSED')
        ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'recertification %: what is decided stays decided', OLD.id USING ERRCODE = 'check_violation';
END
$$;
GRANT UPDATE (closed_at) ON accounts_recertification TO toban_scheduler;
GRANT UPDATE (decision, decided_by_id, decided_by_name, decided_at, reason, operation)
    ON accounts_recertificationitem TO toban_scheduler;
"""


class Migration(migrations.Migration):
    """A right that was to be taken is open again when nobody took it; the clock opens it and closes what is whole."""

    dependencies = [("accounts", "0016_reissue")]
    operations = [migrations.RunSQL(GUARD, elidable=False)]
