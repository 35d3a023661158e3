-- The queue's cross-tenant windows: narrow functions of a role that may only read, for the processes that must
-- know WHERE work is due without seeing WHAT it is. The web role may not call them.
CREATE SCHEMA queue AUTHORIZATION toban_queue;
GRANT SELECT (tenant_id, lane, work_at, deadline, approval_expires_at, state) ON medical_audit_operation TO toban_queue;
GRANT SELECT (tenant_id, name, account, leased_until, open_until, failures, served_at) ON medical_audit_lane TO toban_queue;
CREATE POLICY queue_reader ON medical_audit_operation FOR SELECT TO toban_queue USING (true);
CREATE POLICY queue_reader ON medical_audit_lane FOR SELECT TO toban_queue USING (true);

SET LOCAL ROLE toban_queue;
GRANT USAGE ON SCHEMA queue TO toban_worker, toban_scheduler, toban_audit;
-- Lanes with work due that nobody holds and whose breaker lets a call through: healthy ones first, then who waited longest.
CREATE FUNCTION queue.due_lanes(p_now timestamptz, p_limit int) RETURNS TABLE (tenant_id uuid, lane text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT due.tenant_id, due.lane
    FROM (SELECT DISTINCT o.tenant_id, o.lane FROM public.medical_audit_operation o
          WHERE o.work_at <= p_now AND o.lane <> '') due
    LEFT JOIN public.medical_audit_lane l ON l.tenant_id = due.tenant_id AND l.name = due.lane
    WHERE (l.leased_until IS NULL OR l.leased_until <= p_now) AND (l.open_until IS NULL OR l.open_until <= p_now)
    ORDER BY (coalesce(l.failures, 0) > 0), l.served_at NULLS FIRST, due.lane
    LIMIT p_limit
$$;
-- Tenants with operations whose time has run out without a worker or a person: the sweeper's list.
CREATE FUNCTION queue.overdue_tenants(p_now timestamptz) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT DISTINCT o.tenant_id FROM public.medical_audit_operation o
    WHERE (o.state = 'CONFIRMED' AND o.deadline < p_now) OR (o.state = 'ENTERED' AND o.approval_expires_at < p_now)
$$;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA queue FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA queue TO toban_worker, toban_scheduler;
RESET ROLE;

-- The state machine, held by the database as well (the law test compares it with domain.states.TRANSITIONS).
CREATE FUNCTION medical_audit_may_move(before text, after text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$
    SELECT CASE before
        WHEN 'ENTERED' THEN after IN ('CONFIRMED', 'REJECTED', 'WITHDRAWN', 'EXPIRED')
        WHEN 'CONFIRMED' THEN after IN ('RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED', 'MISSED', 'EXPIRED')
        WHEN 'RUNNING' THEN after IN ('SUCCEEDED', 'FAILED', 'UNKNOWN', 'CONFIRMED', 'CANCELLED', 'MISSED')
        WHEN 'UNKNOWN' THEN after IN ('SUCCEEDED', 'FAILED', 'CONFIRMED', 'MISSED')
        ELSE false
    END
$$;
CREATE FUNCTION medical_audit_guard_operation() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NEW.state <> OLD.state AND NOT public.medical_audit_may_move(OLD.state, NEW.state) THEN
        RAISE EXCEPTION 'operation %: % -> % is not a move', OLD.id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.id, NEW.tenant_id, NEW.kind, NEW.target_type, NEW.target_id, NEW.target_name, NEW.lane, NEW.parameters, NEW.shown,
        NEW.digest, NEW.reason, NEW.dedupe_key, NEW.entered_by_type, NEW.entered_by_id, NEW.entered_by_name,
        NEW.on_behalf_of_id, NEW.on_behalf_of_name, NEW.entered_at, NEW.due_at, NEW.approval_expires_at, NEW.policy)
       IS DISTINCT FROM
       (OLD.id, OLD.tenant_id, OLD.kind, OLD.target_type, OLD.target_id, OLD.target_name, OLD.lane, OLD.parameters, OLD.shown,
        OLD.digest, OLD.reason, OLD.dedupe_key, OLD.entered_by_type, OLD.entered_by_id, OLD.entered_by_name,
        OLD.on_behalf_of_id, OLD.on_behalf_of_name, OLD.entered_at, OLD.due_at, OLD.approval_expires_at, OLD.policy) THEN
        RAISE EXCEPTION 'operation %: what was entered never changes', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IN ('SUCCEEDED', 'FAILED', 'MISSED', 'REJECTED', 'WITHDRAWN', 'EXPIRED', 'CANCELLED')
       AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'operation %: it has ended, nothing about it changes', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state <> 'ENTERED'
       AND (NEW.confirmed_by_id, NEW.confirmed_by_name, NEW.confirmed_at, NEW.reauthentication, NEW.authority)
       IS DISTINCT FROM
       (OLD.confirmed_by_id, OLD.confirmed_by_name, OLD.confirmed_at, OLD.reauthentication, OLD.authority) THEN
        RAISE EXCEPTION 'operation %: who confirmed it never changes', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_operation BEFORE UPDATE ON medical_audit_operation
    FOR EACH ROW EXECUTE FUNCTION medical_audit_guard_operation();

-- Every insert and every move has its event, which names the state reached, in the same transaction, or there is no commit.
SET LOCAL ROLE toban_ledger;
CREATE FUNCTION ledger.require_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM ledger.event e
        WHERE e.tenant_id = NEW.tenant_id AND e.operation_id = NEW.id::text
          AND e.event_at >= transaction_timestamp() AND e.txid = (pg_current_xact_id()::text)::bigint
          AND e.body::jsonb #>> '{detail,state}' = NEW.state
    ) THEN
        RAISE EXCEPTION 'operation %: move to % without its ledger event', NEW.id, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.require_event() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.require_event() TO toban_owner;
RESET ROLE;
CREATE CONSTRAINT TRIGGER event_for_entry AFTER INSERT ON medical_audit_operation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_event();
CREATE CONSTRAINT TRIGGER event_for_move AFTER UPDATE OF state ON medical_audit_operation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION ledger.require_event();
