-- For a demo whose clock is shifted, and for tests: operations may be entered at any time (medical_audit_clock_slack). Never run it in
-- production: reports and delegations there would believe whatever time a program writes. It announces itself, and the seals tell.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT ledger.open_maintenance('any clock: a demo or a test', interval '1 minute');
COMMIT;

BEGIN;
CREATE OR REPLACE FUNCTION public.medical_audit_clock_slack() RETURNS interval LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$ SELECT interval '1000 years' $$;
SELECT ledger.close_maintenance();
COMMIT;
