-- What excuses a change of the guards was announced before; and no event is linked before a seal that does not hold it.
SET LOCAL ROLE toban_ledger;

-- Registered is only what somebody changed within a maintenance that he had announced, or the very first state.
CREATE OR REPLACE FUNCTION ledger.close_maintenance() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_reason text;
    v_until timestamptz;
    v_before text;
    v_digest text := ledger.catalogue_digest();
BEGIN
    SELECT reason, until INTO v_reason, v_until FROM ONLY ledger.maintenance WHERE db_user = session_user ORDER BY id DESC LIMIT 1;
    SELECT digest INTO v_before FROM ONLY ledger.catalogue ORDER BY id DESC LIMIT 1;
    IF v_digest IS DISTINCT FROM v_before AND v_before IS NOT NULL AND coalesce(v_until, '-infinity') < clock_timestamp() THEN
        RAISE EXCEPTION 'ledger.close_maintenance: what guards the ledger was changed, and % has no maintenance open', session_user
            USING ERRCODE = 'object_not_in_prerequisite_state',
                HINT = 'Announce it: SELECT ledger.open_maintenance(reason, interval); then ledger.close_maintenance(). The seals tell '
                    'what was changed before.';
    END IF;
    INSERT INTO ledger.maintenance (until, reason) VALUES ('-infinity', coalesce(v_reason, ''));
    IF v_digest IS NOT DISTINCT FROM v_before THEN
        RETURN false;
    END IF;
    PERFORM ledger.say_maintenance('ledger.catalogue_changed', coalesce(v_reason, ''),
        format('{"after":%s,"before":%s}', to_json(v_digest), to_json(coalesce(v_before, ''))));
    INSERT INTO ledger.catalogue (digest, reason) VALUES (v_digest, coalesce(v_reason, ''));
    RETURN true;
END
$$;

-- As before; and an event is linked behind the newest seal, also where the clock was ahead when that was made and is right again: a
-- verifier would call it back-dated for good. `clock_at` keeps what the clock said.
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
    v_sealed timestamptz;
BEGIN
    -- Verifiers call an event back-dated that was linked an hour after it happened: no writer may make one that says so for good.
    IF clock_timestamp() - NEW.event_at > interval '30 minutes' THEN
        RAISE EXCEPTION 'event % is of %: its transaction is open for too long, nothing of it is kept', NEW.id, NEW.event_at
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT l.tenant_id, l.event_at INTO event FROM ledger.link l WHERE l.event_id = NEW.id;
    IF FOUND THEN
        IF (event.tenant_id, event.event_at) IS DISTINCT FROM (NEW.tenant_id, NEW.event_at) THEN
            RAISE EXCEPTION 'the id % is that of another event', NEW.id USING ERRCODE = 'unique_violation';
        END IF;
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
            SELECT c.at INTO v_sealed FROM ONLY ledger.checkpoint c ORDER BY c.number DESC LIMIT 1;
            v_linked := greatest(v_linked, v_sealed);
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

-- As before; a transaction that stays open over seals is told by the sealer only, which signs that (domain/held.py).
CREATE OR REPLACE FUNCTION ledger.log(p_tenant uuid, p_bodies text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    IF p_tenant IS DISTINCT FROM current_setting('toban.tenant_id')::uuid THEN
        RAISE EXCEPTION 'ledger.log: events of tenant % written while another tenant is bound', p_tenant
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF p_tenant = '00000000-0000-0000-0000-000000000000' AND EXISTS (
        SELECT FROM unnest(p_bodies) AS given (body) WHERE body::jsonb ->> 'kind' IN ('ledger.catalogue_changed', 'ledger.maintenance_opened')
            OR (body::jsonb ->> 'kind' IN ('ledger.sealing_resumed', 'ledger.transaction_held') AND session_user <> 'toban_audit')) THEN
        RAISE EXCEPTION 'ledger.log: % does not say what excuses a seal', session_user USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO ledger.event (tenant_id, body)
    SELECT p_tenant, body FROM unnest(p_bodies) WITH ORDINALITY AS given (body, place) ORDER BY place;
END
$$;
RESET ROLE;
