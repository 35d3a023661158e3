-- Linking asks the one partition that can hold this transaction's events (measured: ./toban bench ledger).
-- With `transaction_timestamp()` alone every partition of the coming years was opened and looked into at each COMMIT, and
-- the planner, which knew nothing of the values, read the whole of ledger.link into a hash table. So the values are given
-- to a statement that is planned with them, and each event is looked up in ledger.link by itself.
SET LOCAL ROLE toban_ledger;
CREATE OR REPLACE FUNCTION ledger.link_transaction() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    event record;
    v_tenant uuid;
    v_seq bigint;
    v_hash bytea;
    v_linked timestamptz;
    v_clock timestamptz;
    v_prev bytea;
BEGIN
    IF EXISTS (SELECT 1 FROM ledger.link WHERE event_id = NEW.id) THEN
        RETURN NULL;
    END IF;
    -- Counted from this very event, so that it is always among them: an event beyond the bound links itself later.
    FOR event IN EXECUTE
        'SELECT e.tenant_id, e.id, e.event_at, e.txid, e.db_user, e.body FROM ledger.event e '
        'WHERE e.txid = $1 AND e.event_at >= $2 AND e.event_at < $3 '
        'AND (SELECT l.seq FROM ledger.link l WHERE l.event_id = e.id) IS NULL ORDER BY e.tenant_id, e.ord'
        USING (pg_current_xact_id()::text)::bigint, transaction_timestamp(), greatest(NEW.event_at, clock_timestamp()) + interval '1 day'
    LOOP
        IF v_tenant IS DISTINCT FROM event.tenant_id THEN
            IF v_tenant IS NOT NULL THEN
                UPDATE ledger.head SET seq = v_seq, hash = v_hash, linked_at = v_linked WHERE tenant_id = v_tenant;
            END IF;
            v_tenant := event.tenant_id;
            SELECT h.seq, h.hash, h.linked_at INTO v_seq, v_hash, v_linked
            FROM ledger.head h WHERE h.tenant_id = v_tenant FOR UPDATE;
            IF NOT FOUND THEN
                INSERT INTO ledger.head (tenant_id, seq, hash, linked_at)
                VALUES (v_tenant, 0, sha256(convert_to('toban-genesis:' || v_tenant, 'UTF8')), '-infinity')
                ON CONFLICT (tenant_id) DO NOTHING;
                SELECT h.seq, h.hash, h.linked_at INTO v_seq, v_hash, v_linked
                FROM ledger.head h WHERE h.tenant_id = v_tenant FOR UPDATE;
            END IF;
        END IF;
        v_clock := clock_timestamp();
        v_linked := CASE WHEN v_linked = '-infinity' THEN v_clock
                         ELSE greatest(v_clock, v_linked + interval '1 microsecond') END;
        v_seq := v_seq + 1;
        v_prev := v_hash;
        v_hash := sha256('\x00'::bytea || v_prev || convert_to(concat_ws(E'\n',
            'toban-event-1', event.tenant_id, v_seq, event.id, ledger.utc_text(event.event_at),
            ledger.utc_text(v_linked), ledger.utc_text(v_clock), event.txid, event.db_user, event.body), 'UTF8'));
        INSERT INTO ledger.link (tenant_id, seq, event_id, event_at, linked_at, clock_at, prev, hash)
        VALUES (event.tenant_id, v_seq, event.id, event.event_at, v_linked, v_clock, v_prev, v_hash);
    END LOOP;
    UPDATE ledger.head SET seq = v_seq, hash = v_hash, linked_at = v_linked WHERE tenant_id = v_tenant;
    RETURN NULL;
END
$$;
RESET ROLE;
