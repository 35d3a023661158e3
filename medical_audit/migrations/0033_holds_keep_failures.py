from django.db import migrations

#: The counters belong to no tenant (somebody unknown is counted, too), so whoever holds his record keeps them all.
FAILURES = """
SET LOCAL ROLE toban_ledger;
CREATE OR REPLACE FUNCTION ledger.forget_failures() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS $$
    WITH gone AS (
        DELETE FROM public.medical_audit_failedsignin f WHERE f.day < current_date - 366
            AND NOT EXISTS (SELECT FROM public.medical_audit_retention r WHERE r.hold <> '')
        RETURNING 1)
    SELECT count(*) FROM gone
$$;
RESET ROLE;
"""


class Migration(migrations.Migration):
    """Counters of failed sign-ins stay while a tenant holds its record."""

    dependencies = [("medical_audit", "0032_own_time")]
    operations = [migrations.RunSQL(FAILURES, elidable=False)]
