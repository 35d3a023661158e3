-- The guard of operations, knowing that of two who confirm what was entered for somebody one stands for him: himself, or a deputy whom
-- he named. The other is anybody of the role.
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
        IF NEW.on_behalf_of_id <> '' AND NOT EXISTS (
            SELECT FROM (
                SELECT NEW.confirmed_by_id AS person_id
                UNION ALL
                SELECT c.person_id FROM public.medical_audit_confirmation c
                WHERE NEW.policy = 'two' AND c.tenant_id = NEW.tenant_id AND c.operation = NEW.id AND c.digest = NEW.digest
                  AND c.person_id <> NEW.entered_by_id
            ) AS one
            WHERE one.person_id = NEW.on_behalf_of_id OR EXISTS (
                SELECT FROM public.medical_audit_deputy d
                WHERE d.tenant_id = NEW.tenant_id AND d.principal_id = NEW.on_behalf_of_id AND d.deputy_id = one.person_id)) THEN
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
