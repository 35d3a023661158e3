-- Where an emergency right is past its time, for the sweeper: tenants only.
GRANT SELECT (tenant_id, closed_at, closes_at) ON medical_audit_emergency TO toban_queue;
CREATE POLICY queue_reader ON medical_audit_emergency FOR SELECT TO toban_queue USING (true);
SET LOCAL ROLE toban_queue;
CREATE FUNCTION queue.emergency_tenants(p_now timestamptz) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT DISTINCT e.tenant_id FROM public.medical_audit_emergency e WHERE e.closed_at IS NULL AND e.closes_at <= p_now
$$;
REVOKE EXECUTE ON FUNCTION queue.emergency_tenants(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.emergency_tenants(timestamptz) TO toban_worker, toban_scheduler;
RESET ROLE;

-- What was opened is closed once and reviewed once; nothing else about it changes.
CREATE FUNCTION medical_audit_guard_emergency() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_ends text[] := ARRAY['closed_at', 'closing', 'reviewed_at', 'reviewed_by_name', 'verdict', 'review_operation'];
BEGIN
    IF (to_jsonb(NEW) - v_ends) <> (to_jsonb(OLD) - v_ends)
       OR OLD.closed_at IS NOT NULL AND (NEW.closed_at, NEW.closing) IS DISTINCT FROM (OLD.closed_at, OLD.closing)
       OR OLD.reviewed_at IS NOT NULL AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'emergency %: it is closed once and reviewed once, nothing else about it changes', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_emergency BEFORE UPDATE ON medical_audit_emergency
    FOR EACH ROW EXECUTE FUNCTION medical_audit_guard_emergency();
