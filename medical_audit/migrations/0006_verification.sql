-- Where somebody waits for a verification, for the sealer: tenants only.
GRANT SELECT (tenant_id, verdict, started_at) ON medical_audit_verificationrun TO toban_queue;
CREATE POLICY queue_reader ON medical_audit_verificationrun FOR SELECT TO toban_queue USING (true);
SET LOCAL ROLE toban_queue;
CREATE FUNCTION queue.due_verifications(p_left_behind timestamptz) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT v.tenant_id FROM public.medical_audit_verificationrun v
    WHERE v.verdict = 'asked' OR (v.verdict = 'running' AND v.started_at < p_left_behind) ORDER BY v.started_at NULLS FIRST, 1
$$;
REVOKE EXECUTE ON FUNCTION queue.due_verifications(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.due_verifications(timestamptz) TO toban_audit;
RESET ROLE;
