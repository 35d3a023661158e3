-- Removing what is older than its term (ADR 16): a tombstone for the oldest months of one tenant, and with it, in the same
-- transaction, their events. Nothing else deletes from the ledger.
GRANT SELECT (tenant_id, id, kind, state, parameters, entered_by_type, entered_by_id, confirmed_by_id) ON medical_audit_operation
    TO toban_ledger;
GRANT SELECT (tenant_id, years, hold) ON medical_audit_retention TO toban_ledger;
CREATE POLICY keeper ON medical_audit_operation FOR SELECT TO toban_ledger USING (true);
CREATE POLICY keeper ON medical_audit_retention FOR SELECT TO toban_ledger USING (true);

SET LOCAL ROLE toban_ledger;
CREATE TABLE ledger.tombstone (
    tenant_id uuid        NOT NULL,
    first_seq bigint      NOT NULL CHECK (first_seq > 0),
    last_seq  bigint      NOT NULL CHECK (last_seq >= first_seq),
    number    bigint      NOT NULL,
    until     timestamptz NOT NULL,
    operation uuid        NOT NULL UNIQUE,
    note      text        NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    txid      bigint      NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
    PRIMARY KEY (tenant_id, last_seq),
    UNIQUE (tenant_id, first_seq)
);

-- Whoever writes a tombstone, as whatever role: only the sealer does, for a purge that two people entered and confirmed, of whole
-- months behind the one before, whose term is over, and not while the tenant holds its record.
CREATE FUNCTION ledger.check_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_years int := 5;
    v_hold text := '';
    v_local timestamp := NEW.until AT TIME ZONE 'Asia/Tokyo';
BEGIN
    IF session_user <> 'toban_audit' OR NEW.txid <> (pg_current_xact_id()::text)::bigint THEN
        RAISE EXCEPTION 'only the sealer writes tombstones' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM FROM public.medical_audit_operation o
    WHERE o.id = NEW.operation AND o.tenant_id = NEW.tenant_id AND o.kind = 'ledger.purge' AND o.state = 'SUCCEEDED'
      AND o.entered_by_type = 'user' AND o.confirmed_by_id NOT IN ('', o.entered_by_id)
      AND (o.parameters ->> 'before_at')::timestamptz = NEW.until
      AND (o.parameters ->> 'first_event')::bigint = NEW.first_seq AND (o.parameters ->> 'last_event')::bigint = NEW.last_seq;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no purge of these events was entered and confirmed by two people' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT greatest(5, r.years), r.hold INTO v_years, v_hold FROM public.medical_audit_retention r WHERE r.tenant_id = NEW.tenant_id;
    IF coalesce(v_hold, '') <> '' THEN
        RAISE EXCEPTION 'the record is held: %', v_hold USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF v_local <> date_trunc('month', v_local)
       OR (v_local + make_interval(years => coalesce(v_years, 5))) AT TIME ZONE 'Asia/Tokyo' > clock_timestamp() THEN
        RAISE EXCEPTION 'the term of these events is not over' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NEW.first_seq <> 1 + coalesce((SELECT max(t.last_seq) FROM ledger.tombstone t WHERE t.tenant_id = NEW.tenant_id), 0) THEN
        RAISE EXCEPTION 'a purge begins behind the one before it' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM ledger.tree_head h JOIN ledger.checkpoint c ON c.number = h.number
                   WHERE h.tenant_id = NEW.tenant_id AND h.number = NEW.number AND h.size = NEW.last_seq AND c.at < NEW.until)
       OR NOT EXISTS (SELECT FROM ledger.tree_head h WHERE h.tenant_id = NEW.tenant_id AND h.size > NEW.last_seq) THEN
        RAISE EXCEPTION 'these events do not end at a seal of their month with others behind it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_tombstone BEFORE INSERT ON ledger.tombstone FOR EACH ROW EXECUTE FUNCTION ledger.check_tombstone();
SELECT ledger.guard('ledger.tombstone');

-- As before, but for what the transaction's own tombstone covers.
CREATE OR REPLACE FUNCTION ledger.deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW' AND TG_TABLE_SCHEMA = 'ledger' THEN
        IF TG_TABLE_NAME = 'link' THEN
            IF EXISTS (SELECT FROM ledger.tombstone t WHERE t.tenant_id = OLD.tenant_id
                       AND t.txid = (pg_current_xact_id()::text)::bigint AND OLD.seq BETWEEN t.first_seq AND t.last_seq) THEN
                RETURN OLD;
            END IF;
        ELSIF TG_TABLE_NAME ~ '^event(_\d{4}_\d\d)?$' THEN
            IF EXISTS (SELECT FROM ledger.tombstone t JOIN ledger.link l ON l.tenant_id = t.tenant_id
                           AND l.seq BETWEEN t.first_seq AND t.last_seq
                       WHERE t.txid = (pg_current_xact_id()::text)::bigint AND l.event_id = OLD.id AND l.event_at = OLD.event_at) THEN
                RETURN OLD;
            END IF;
        END IF;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION ledger.purge(p_tenant uuid, p_first bigint, p_last bigint, p_number bigint, p_until timestamptz, p_operation uuid,
    p_note text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_events bigint;
    v_links bigint;
    v_from timestamptz;
    v_to timestamptz;
BEGIN
    IF p_tenant IS DISTINCT FROM current_setting('toban.tenant_id')::uuid THEN
        RAISE EXCEPTION 'ledger.purge: events of tenant % while another tenant is bound', p_tenant
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.seal', 0));
    INSERT INTO ledger.tombstone (tenant_id, first_seq, last_seq, number, until, operation, note)
    VALUES (p_tenant, p_first, p_last, p_number, p_until, p_operation, p_note);
    -- Between which times: so that only the partitions of these months are opened.
    SELECT min(l.event_at), max(l.event_at) INTO v_from, v_to FROM ledger.link l
    WHERE l.tenant_id = p_tenant AND l.seq BETWEEN p_first AND p_last;
    DELETE FROM ledger.event e USING ledger.link l
    WHERE l.tenant_id = p_tenant AND l.seq BETWEEN p_first AND p_last AND e.id = l.event_id AND e.event_at = l.event_at
      AND e.tenant_id = p_tenant AND e.event_at BETWEEN v_from AND v_to;
    GET DIAGNOSTICS v_events = ROW_COUNT;
    DELETE FROM ledger.link l WHERE l.tenant_id = p_tenant AND l.seq BETWEEN p_first AND p_last;
    GET DIAGNOSTICS v_links = ROW_COUNT;
    IF (v_events, v_links) <> (p_last - p_first + 1, p_last - p_first + 1) THEN
        RAISE EXCEPTION 'ledger.purge: % events and % links where % were sealed: the chain is damaged', v_events, v_links,
            p_last - p_first + 1 USING ERRCODE = 'check_violation';
    END IF;
    RETURN v_events;
END
$$;

-- Confirmed purges that no tombstone stands for yet, for the sealer: ids only.
CREATE FUNCTION ledger.due_purges() RETURNS TABLE (tenant_id uuid, operation uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT o.tenant_id, o.id FROM public.medical_audit_operation o
    WHERE o.kind = 'ledger.purge' AND o.state = 'SUCCEEDED'
      AND NOT EXISTS (SELECT FROM ledger.tombstone t WHERE t.operation = o.id) ORDER BY o.id
$$;

ALTER TABLE ledger.tombstone ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.tombstone FORCE ROW LEVEL SECURITY;
CREATE POLICY keeper ON ledger.tombstone TO toban_ledger USING (true) WITH CHECK (true);
CREATE POLICY tenant_wall ON ledger.tombstone FOR SELECT TO toban_web, toban_worker, toban_scheduler, toban_audit
    USING (tenant_id = (SELECT current_setting('toban.tenant_id')::uuid));
GRANT SELECT ON ledger.tombstone TO toban_web, toban_audit;
REVOKE EXECUTE ON FUNCTION ledger.purge(uuid, bigint, bigint, bigint, timestamptz, uuid, text), ledger.due_purges(),
    ledger.check_tombstone() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.purge(uuid, bigint, bigint, bigint, timestamptz, uuid, text), ledger.due_purges() TO toban_audit;
RESET ROLE;
