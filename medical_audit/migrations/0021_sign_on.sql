-- By whose word a session began never changes either. `provider_proof` is a later word of that provider, used once.
CREATE OR REPLACE FUNCTION medical_audit_guard_seat() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_fixed text[] := ARRAY['id', 'tenant_id', 'name', 'session', 'user_id', 'user_name', 'started_at', 'entered_at', 'address',
        'address_raw', 'network', 'device', 'user_agent', 'method', 'factors', 'resumed_from', 'claims', 'via'];
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
