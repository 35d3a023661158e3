-- The sweeper also learns whose visits stayed open although their session has ended.
GRANT SELECT (name) ON medical_audit_session TO toban_queue;
GRANT SELECT (user_id, session, ended_at) ON medical_audit_visit TO toban_queue;
CREATE POLICY queue_reader ON medical_audit_visit FOR SELECT TO toban_queue USING (true);

SET LOCAL ROLE toban_queue;
CREATE OR REPLACE FUNCTION queue.silent_sessions(p_now timestamptz, p_silence_s int, p_lifetime_s int) RETURNS TABLE (user_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT s.user_id FROM public.medical_audit_session s
    WHERE s.ended_at IS NULL
      AND (s.active_at + make_interval(secs => s.idle_s + p_silence_s) <= p_now
           OR s.started_at + make_interval(secs => p_lifetime_s) <= p_now)
    UNION
    SELECT v.user_id FROM public.medical_audit_visit v JOIN public.medical_audit_session s ON s.name = v.session
    WHERE v.ended_at IS NULL AND s.ended_at IS NOT NULL
$$;
RESET ROLE;
