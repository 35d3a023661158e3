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
-- Who makes which move, by the role that a process logs in as (ADR 9): people decide through the web server, workers
-- carry out, the tick and the sweeper close what waited too long. A row without a lane is carried out by the web
-- server, inside the confirming transaction. `before = after` is a change without a move. Nobody else moves anything.
CREATE FUNCTION medical_audit_may_be_moved_by(login text, before text, after text, lane text) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$
    SELECT CASE login
        WHEN 'toban_web' THEN CASE before
            WHEN 'ENTERED' THEN after IN ('CONFIRMED', 'REJECTED', 'WITHDRAWN')
            WHEN 'CONFIRMED' THEN after = 'CANCELLED' OR (after = 'RUNNING' AND lane = '')
            WHEN 'RUNNING' THEN after = 'SUCCEEDED' AND lane = ''
            ELSE false
        END
        WHEN 'toban_worker' THEN before IN ('CONFIRMED', 'RUNNING', 'UNKNOWN') AND lane <> ''
        WHEN 'toban_scheduler' THEN CASE before
            WHEN 'ENTERED' THEN after = 'EXPIRED'
            WHEN 'CONFIRMED' THEN after IN ('MISSED', 'EXPIRED')
            ELSE false
        END
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
    IF OLD.state = 'ENTERED' AND NEW.state = 'CONFIRMED' THEN
        IF NEW.confirmed_by_id = NEW.entered_by_id AND (NEW.policy = 'other' OR NEW.on_behalf_of_id <> '') THEN
            RAISE EXCEPTION 'operation %: another person must confirm it', OLD.id USING ERRCODE = 'insufficient_privilege';
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
CREATE TRIGGER guard_operation BEFORE UPDATE ON medical_audit_operation
    FOR EACH ROW EXECUTE FUNCTION medical_audit_guard_operation();

-- Who enters what. A person's wish comes in through the web server and waits to be confirmed; a wish of Toban's own
-- that a person must decide waits likewise; what the clock enters rests on an operation of this tenant that the
-- person named in it confirmed. Once a statement, because the tick enters a thousand rows on one authority; by the
-- primary key always, whatever the statistics of a young table say.
CREATE FUNCTION medical_audit_guard_entry() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog SET enable_seqscan = off
AS $$
DECLARE
    v_id uuid;
    v_basis record;
BEGIN
    SELECT n.id INTO v_id FROM added n WHERE (
        n.policy = 'schedule' AND n.state IN ('CONFIRMED', 'FAILED', 'MISSED') AND n.dedupe_key <> ''
        AND n.entered_by_type IN ('system', 'schedule') AND session_user IN ('toban_worker', 'toban_scheduler')
        OR
        n.policy IN ('self', 'other') AND n.state = 'ENTERED' AND n.confirmed_at IS NULL
        AND (n.confirmed_by_id, n.confirmed_by_name, n.reauthentication, n.authority) = ('', '', '', '{}')
        AND CASE session_user WHEN 'toban_web' THEN n.entered_by_type = 'user'
                              WHEN 'toban_worker' THEN n.entered_by_type IN ('system', 'schedule')
                              WHEN 'toban_scheduler' THEN n.entered_by_type IN ('system', 'schedule')
                              ELSE false END
    ) IS NOT TRUE LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'operation %: no such entry is made by %', v_id, session_user USING ERRCODE = 'insufficient_privilege';
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
CREATE TRIGGER guard_entry AFTER INSERT ON medical_audit_operation
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION medical_audit_guard_entry();

-- What has no lane has no worker: it is carried out in the transaction that confirms it, or not confirmed.
CREATE FUNCTION medical_audit_finish_local() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_bound text := current_setting('toban.tenant_id', true);
    v_state text;
BEGIN
    PERFORM set_config('toban.tenant_id', NEW.tenant_id::text, true);
    SELECT state INTO v_state FROM public.medical_audit_operation WHERE id = NEW.id;
    PERFORM set_config('toban.tenant_id', coalesce(v_bound, ''), true);
    IF v_state IN ('CONFIRMED', 'RUNNING') THEN
        RAISE EXCEPTION 'operation %: confirmed, but neither carried out here nor in a lane', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER finish_local AFTER UPDATE OF state ON medical_audit_operation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.state = 'ENTERED' AND NEW.state = 'CONFIRMED' AND NEW.lane = '')
    EXECUTE FUNCTION medical_audit_finish_local();

-- Every insert and every move has its event, in the same transaction, or there is no commit. The event names the state
-- reached and its actor: of an entry who entered it; of what the web server does a person, and he who confirmed it, or
-- withdrew his own, is the one whom the row names.
SET LOCAL ROLE toban_ledger;
CREATE FUNCTION ledger.require_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_type text;
    v_id text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        v_type := NEW.entered_by_type;
        v_id := NEW.entered_by_id;
    ELSIF session_user = 'toban_web' THEN
        v_type := 'user';
        v_id := CASE WHEN NEW.state IN ('CONFIRMED', 'RUNNING', 'SUCCEEDED') THEN NEW.confirmed_by_id
                     WHEN NEW.state = 'WITHDRAWN' THEN NEW.entered_by_id END;
    END IF;
    -- A day ahead: only so that the partitions of the coming years are not asked.
    IF NOT EXISTS (
        SELECT 1 FROM ledger.event e
        WHERE e.tenant_id = NEW.tenant_id AND e.operation_id = NEW.id::text AND e.txid = (pg_current_xact_id()::text)::bigint
          AND e.event_at >= transaction_timestamp() AND e.event_at < statement_timestamp() + interval '1 day'
          AND e.body::jsonb #>> '{detail,state}' = NEW.state
          AND e.actor_type = coalesce(v_type, e.actor_type) AND e.actor_id = coalesce(v_id, e.actor_id)
    ) THEN
        RAISE EXCEPTION 'operation %: move to % without its ledger event', NEW.id, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;

-- For tables that are no operations (walls.Recorded): a row appears, changes or goes only with an event about it in the
-- same transaction. Arguments: the type of the event's subject, the row's column that holds the subject's id, and how
-- the event's kind may begin. A subject that is exchanged for another must be named as well.
CREATE FUNCTION ledger.require_event_about() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_row jsonb;
BEGIN
    FOREACH v_row IN ARRAY ARRAY[to_jsonb(OLD), to_jsonb(NEW)] LOOP
        IF v_row IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM ledger.event e
            WHERE e.txid = (pg_current_xact_id()::text)::bigint
              AND e.event_at >= transaction_timestamp() AND e.event_at < statement_timestamp() + interval '1 day'
              AND e.tenant_id = coalesce((v_row ->> 'tenant_id')::uuid, e.tenant_id)
              AND e.subject_type = TG_ARGV[0] AND e.subject_id = v_row ->> TG_ARGV[1]
              AND EXISTS (SELECT 1 FROM unnest(TG_ARGV[2:]) AS allowed (beginning) WHERE starts_with(e.kind, beginning))
        ) THEN
            RAISE EXCEPTION '% of % % without an event about it', TG_OP, TG_ARGV[0], v_row ->> TG_ARGV[1]
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.require_event(), ledger.require_event_about() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.require_event(), ledger.require_event_about() TO toban_owner;
RESET ROLE;
CREATE CONSTRAINT TRIGGER event_for_entry AFTER INSERT ON medical_audit_operation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.require_event();
CREATE CONSTRAINT TRIGGER event_for_move AFTER UPDATE OF state ON medical_audit_operation
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION ledger.require_event();
