-- The guards of operations, knowing one thing more: an operation is entered and confirmed now. Its time decides whether a delegation
-- holds, and in which month a report shows it, so it is not the inserting program's to choose.

-- How far the clock of a program may stand from the database's. A demo with a shifted clock and tests put another in its place
-- (config/any_clock.sql); it is part of the digest, so the seals tell whoever did so anywhere else.
CREATE FUNCTION medical_audit_clock_slack() RETURNS interval LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$ SELECT interval '15 minutes' $$;

CREATE OR REPLACE FUNCTION medical_audit_guard_operation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_slack interval := public.medical_audit_clock_slack();
BEGIN
    IF NEW.state <> OLD.state AND NOT public.medical_audit_may_move(OLD.state, NEW.state) THEN
        RAISE EXCEPTION 'operation %: % -> % is not a move', OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.tenant_id, NEW.kind, NEW.target_type, NEW.target_id, NEW.target_name, NEW.lane, NEW.parameters, NEW.shown,
        NEW.digest, NEW.reason, NEW.dedupe_key, NEW.entered_by_type, NEW.entered_by_id, NEW.entered_by_name,
        NEW.on_behalf_of_id, NEW.on_behalf_of_name, NEW.entered_at, NEW.due_at, NEW.approval_expires_at, NEW.policy,
        NEW.policy_role, NEW.corrects, NEW.version)
       IS DISTINCT FROM
       (OLD.id, OLD.tenant_id, OLD.kind, OLD.target_type, OLD.target_id, OLD.target_name, OLD.lane, OLD.parameters, OLD.shown,
        OLD.digest, OLD.reason, OLD.dedupe_key, OLD.entered_by_type, OLD.entered_by_id, OLD.entered_by_name,
        OLD.on_behalf_of_id, OLD.on_behalf_of_name, OLD.entered_at, OLD.due_at, OLD.approval_expires_at, OLD.policy,
        OLD.policy_role, OLD.corrects, OLD.version) THEN
        RAISE EXCEPTION 'operation %: what was entered never changes', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IN ('SUCCEEDED', 'FAILED', 'MISSED', 'REJECTED', 'WITHDRAWN', 'EXPIRED', 'CANCELLED')
       AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'operation %: it has ended, nothing about it changes', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state = 'ENTERED' AND NEW.state = 'CONFIRMED' THEN
        IF (NEW.confirmed_at BETWEEN clock_timestamp() - v_slack AND clock_timestamp() + v_slack) IS NOT TRUE THEN
            RAISE EXCEPTION 'operation %: confirmed at %, which is not now', OLD.id, NEW.confirmed_at USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.confirmed_by_id = NEW.entered_by_id AND (NEW.policy IN ('other', 'two') OR NEW.on_behalf_of_id <> '') THEN
            RAISE EXCEPTION 'operation %: another person must confirm it', OLD.id USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF NEW.policy = 'two' AND NOT EXISTS (
            SELECT FROM public.medical_audit_confirmation c
            WHERE c.tenant_id = NEW.tenant_id AND c.operation = NEW.id AND c.digest = NEW.digest
              AND c.person_id NOT IN (NEW.confirmed_by_id, NEW.entered_by_id)) THEN
            RAISE EXCEPTION 'operation %: two people must confirm it', OLD.id USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF NEW.on_behalf_of_id NOT IN ('', NEW.confirmed_by_id) AND NOT EXISTS (
            SELECT FROM public.medical_audit_deputy d
            WHERE d.tenant_id = NEW.tenant_id AND d.principal_id = NEW.on_behalf_of_id AND d.deputy_id = NEW.confirmed_by_id) THEN
            RAISE EXCEPTION 'operation %: entered for somebody else, who has named no such deputy', OLD.id
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    ELSIF (NEW.confirmed_by_id, NEW.confirmed_by_name, NEW.confirmed_at, NEW.reauthentication, NEW.authority)
       IS DISTINCT FROM
       (OLD.confirmed_by_id, OLD.confirmed_by_name, OLD.confirmed_at, OLD.reauthentication, OLD.authority) THEN
        RAISE EXCEPTION 'operation %: who confirmed it never changes', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF NOT public.medical_audit_may_be_moved_by(session_user, OLD.state, NEW.state, OLD.lane) THEN
        RAISE EXCEPTION 'operation %: % -> % is no move of %', OLD.id, OLD.state, NEW.state, session_user
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION medical_audit_guard_entry() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog SET enable_seqscan = off
AS $$
DECLARE
    v_id uuid;
    v_basis record;
    v_slack interval := public.medical_audit_clock_slack();
    v_now timestamptz := clock_timestamp();
BEGIN
    SELECT n.id INTO v_id FROM added n WHERE (
        n.policy = 'schedule' AND n.state IN ('CONFIRMED', 'FAILED', 'MISSED') AND n.dedupe_key <> ''
        AND n.entered_by_type IN ('system', 'schedule') AND session_user IN ('toban_worker', 'toban_scheduler')
        OR
        n.policy IN ('self', 'other', 'two') AND n.state = 'ENTERED' AND n.confirmed_at IS NULL
        AND (n.confirmed_by_id, n.confirmed_by_name, n.reauthentication, n.authority) = ('', '', '', '{}')
        AND CASE session_user WHEN 'toban_web' THEN n.entered_by_type = 'user'
                              WHEN 'toban_worker' THEN n.entered_by_type IN ('system', 'schedule')
                              WHEN 'toban_scheduler' THEN n.entered_by_type IN ('system', 'schedule')
                              ELSE false END
    ) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation %: no such entry is made by %', v_id, session_user USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT n.id INTO v_id FROM added n
    WHERE (n.entered_at BETWEEN v_now - v_slack AND v_now + v_slack
           AND coalesce(n.confirmed_at, n.entered_at) BETWEEN v_now - v_slack AND v_now + v_slack) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation %: entered at another time than now', v_id USING ERRCODE = 'check_violation';
    END IF;
    SELECT n.id INTO v_id FROM added n
    WHERE n.on_behalf_of_id <> '' AND (n.policy = 'schedule' OR NOT EXISTS (
        SELECT FROM public.medical_audit_delegation d
        WHERE d.tenant_id = n.tenant_id AND d.proxy_id = n.entered_by_id AND d.principal_id = n.on_behalf_of_id
          AND d.kinds @> to_jsonb(n.kind::text) AND d.begins_at <= n.entered_at AND d.ends_at > n.entered_at AND d.ended_at IS NULL))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation %: entered for somebody who has not allowed it', v_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT n.id INTO v_id FROM added n JOIN public.medical_audit_confirmpolicy p ON p.tenant_id = n.tenant_id AND p.kind = n.kind
    WHERE n.policy <> 'schedule' AND (n.policy, n.policy_role) <> (p.policy, p.role) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation %: its tenant asks for another confirmation', v_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR v_basis IN
        SELECT DISTINCT n.tenant_id, n.authority ->> 'operation' AS operation, n.confirmed_by_id
        FROM added n WHERE n.policy = 'schedule'
    LOOP
        PERFORM FROM public.medical_audit_operation o
        WHERE o.id = CASE WHEN v_basis.operation ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN v_basis.operation::uuid END
          AND o.tenant_id = v_basis.tenant_id AND o.confirmed_by_id = v_basis.confirmed_by_id
          AND o.state IN ('CONFIRMED', 'RUNNING', 'UNKNOWN', 'SUCCEEDED')
          AND NOT EXISTS (SELECT 1 FROM added n WHERE n.id = o.id);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'operation % was not confirmed by %: nothing rests on it', v_basis.operation, v_basis.confirmed_by_id
                USING ERRCODE = 'insufficient_privilege';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
