-- Linking costs what a transaction wrote, not what the ledger holds (measured: ./toban bench ledger).
-- Without an upper bound every partition of the coming years was locked, opened and searched at each COMMIT, and the planner,
-- which knew nothing of the values, read the whole of ledger.link into a hash table.
SET LOCAL ROLE toban_ledger;

-- A transaction keeps count of its events. A few of one tenant are linked as they come, without a search: one head is
-- locked, so there is no order to keep. The count only chooses the way: forged, it costs that order (two transactions may
-- deadlock), and still each event is linked.
CREATE OR REPLACE FUNCTION ledger.check_time() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_written text := coalesce(current_setting('ledger.written', true), '');
BEGIN
    IF NEW.event_at < transaction_timestamp() OR NEW.event_at > clock_timestamp()
       OR NEW.txid <> (pg_current_xact_id()::text)::bigint OR NEW.db_user <> session_user THEN
        RAISE EXCEPTION 'the ledger takes its own time, transaction and user only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF v_written <> 'many' THEN
        PERFORM set_config('ledger.written', CASE
            WHEN v_written = '' THEN NEW.tenant_id || '+'
            WHEN starts_with(v_written, NEW.tenant_id::text) AND length(v_written) < 44 THEN v_written || '+'
            ELSE 'many' END, true);
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION ledger.link_transaction() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    v_txid bigint := (pg_current_xact_id()::text)::bigint;
    v_since timestamptz := transaction_timestamp();
    -- Counted from this very event, so that it is always among them: one beyond the bound links itself later.
    v_until timestamptz := greatest(NEW.event_at, clock_timestamp()) + interval '1 day';
    written refcursor;
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
    IF current_setting('ledger.written', true) = 'many' THEN
        OPEN written FOR
            SELECT e.tenant_id, e.id, e.event_at, e.txid, e.db_user, e.body FROM ledger.event e
            WHERE e.txid = v_txid AND e.event_at >= v_since AND e.event_at < v_until
              AND (SELECT l.seq FROM ledger.link l WHERE l.event_id = e.id) IS NULL
            ORDER BY e.tenant_id, e.ord;
    ELSE
        OPEN written FOR SELECT NEW.tenant_id, NEW.id, NEW.event_at, NEW.txid, NEW.db_user, NEW.body;
    END IF;
    LOOP
        FETCH written INTO event;
        EXIT WHEN NOT FOUND;
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
    CLOSE written;
    UPDATE ledger.head SET seq = v_seq, hash = v_hash, linked_at = v_linked WHERE tenant_id = v_tenant;
    RETURN NULL;
END
$$;
RESET ROLE;
