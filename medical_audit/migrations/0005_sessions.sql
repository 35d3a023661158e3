-- A session belongs to a person: whoever is bound sees his own, as with memberships. The sweeper learns from a narrow
-- function whose sessions fell silent, and binds those persons one by one.
ALTER TABLE medical_audit_session ENABLE ROW LEVEL SECURITY;
ALTER TABLE medical_audit_session FORCE ROW LEVEL SECURITY;
CREATE POLICY person_wall ON medical_audit_session TO toban_web, toban_worker, toban_scheduler, toban_audit
    USING (user_id = (SELECT current_setting('toban.user_id')::uuid))
    WITH CHECK (user_id = (SELECT current_setting('toban.user_id')::uuid));
GRANT SELECT (user_id, started_at, active_at, ended_at, idle_s) ON medical_audit_session TO toban_queue;
CREATE POLICY queue_reader ON medical_audit_session FOR SELECT TO toban_queue USING (true);

SET LOCAL ROLE toban_queue;
CREATE FUNCTION queue.silent_sessions(p_now timestamptz, p_silence_s int, p_lifetime_s int) RETURNS TABLE (user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT DISTINCT s.user_id FROM public.medical_audit_session s
    WHERE s.ended_at IS NULL
      AND (s.active_at + make_interval(secs => s.idle_s + p_silence_s) <= p_now
           OR s.started_at + make_interval(secs => p_lifetime_s) <= p_now)
$$;
REVOKE EXECUTE ON FUNCTION queue.silent_sessions(timestamptz, int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.silent_sessions(timestamptz, int, int) TO toban_scheduler;
RESET ROLE;

-- An ended session stays as it ended, and whose it is, where it began and from where never changes.
CREATE FUNCTION medical_audit_guard_seat() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_fixed text[] := ARRAY['id', 'tenant_id', 'name', 'session', 'user_id', 'user_name', 'started_at', 'entered_at', 'address',
        'address_raw', 'network', 'device', 'user_agent', 'method', 'factors', 'resumed_from'];
    v_name text;
BEGIN
    IF OLD.ended_at IS NOT NULL AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'session %: it has ended, nothing about it changes', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    FOREACH v_name IN ARRAY v_fixed LOOP
        IF to_jsonb(NEW) -> v_name IS DISTINCT FROM to_jsonb(OLD) -> v_name THEN
            RAISE EXCEPTION 'session %: % never changes', OLD.id, v_name USING ERRCODE = 'check_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_seat BEFORE UPDATE ON medical_audit_session FOR EACH ROW EXECUTE FUNCTION medical_audit_guard_seat();
CREATE TRIGGER guard_seat BEFORE UPDATE ON medical_audit_visit FOR EACH ROW EXECUTE FUNCTION medical_audit_guard_seat();
