-- What the ledger's own writers could still do unseen: an event under another's id, a maintenance that no event announces, a place
-- of the sealer's duties that lies ahead of what there is, a seal that no sealer wrote, a transaction that goes on for hours.
SET LOCAL ROLE toban_ledger;

-- One event has one id and one time. An event that borrows the id of one that is linked would never be linked itself.
CREATE UNIQUE INDEX event_once ON ledger.event (id, event_at);
DROP INDEX ledger.event_id_idx;

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

-- In which transaction a maintenance was announced: what it allows is done in a later one (config/guard.sql), because a change in the
-- same one could take away what announces it. 0: before this release.
ALTER TABLE ledger.maintenance ADD COLUMN txid bigint NOT NULL DEFAULT 0;
ALTER TABLE ledger.maintenance ALTER COLUMN txid SET DEFAULT (pg_current_xact_id()::text)::bigint;

-- A maintenance is opened, and a digest registered, only with the event of the platform's chain that says so.
CREATE FUNCTION ledger.check_announced() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_kind text := 'ledger.catalogue_changed';
    v_path text[] := '{detail,after}';
    v_said text;
BEGIN
    IF NEW.at < transaction_timestamp() OR NEW.at > clock_timestamp() THEN
        RAISE EXCEPTION '%: it takes its own time only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_TABLE_NAME = 'maintenance' THEN
        IF NEW.db_user <> session_user OR NEW.txid <> (pg_current_xact_id()::text)::bigint
           OR NEW.until > clock_timestamp() + interval '1 hour' THEN
            RAISE EXCEPTION 'a maintenance is one''s own, and is over within an hour' USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF NEW.until <= clock_timestamp() THEN
            RETURN NEW;
        END IF;
        v_kind := 'ledger.maintenance_opened';
        v_path := '{detail,until}';
        v_said := ledger.utc_text(NEW.until);
    ELSE
        v_said := NEW.digest;
    END IF;
    IF NOT EXISTS (
        SELECT FROM ledger.event e
        WHERE e.tenant_id = '00000000-0000-0000-0000-000000000000' AND e.kind = v_kind AND e.txid = (pg_current_xact_id()::text)::bigint
          AND e.event_at >= transaction_timestamp() AND e.event_at < statement_timestamp() + interval '1 day'
          AND e.body::jsonb #>> v_path = v_said AND e.body::jsonb #>> '{actor,id}' = session_user
    ) THEN
        RAISE EXCEPTION '%: announced by ledger.open_maintenance and closed by ledger.close_maintenance only', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_announced BEFORE INSERT ON ledger.maintenance FOR EACH ROW EXECUTE FUNCTION ledger.check_announced();
CREATE TRIGGER check_announced BEFORE INSERT ON ledger.catalogue FOR EACH ROW EXECUTE FUNCTION ledger.check_announced();
SELECT ledger.guard('ledger.maintenance');
SELECT ledger.guard('ledger.catalogue');

CREATE OR REPLACE FUNCTION ledger.open_maintenance(p_reason text, p_for interval) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_until timestamptz := clock_timestamp() + least(p_for, interval '1 hour');
BEGIN
    PERFORM ledger.say_maintenance('ledger.maintenance_opened', p_reason, format('{"until":%s}', to_json(ledger.utc_text(v_until))));
    INSERT INTO ledger.maintenance (until, reason) VALUES (v_until, p_reason);
END
$$;

CREATE OR REPLACE FUNCTION ledger.close_maintenance() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_reason text;
    v_before text;
    v_digest text := ledger.catalogue_digest();
BEGIN
    SELECT reason INTO v_reason FROM ledger.maintenance WHERE db_user = session_user ORDER BY id DESC LIMIT 1;
    SELECT digest INTO v_before FROM ledger.catalogue ORDER BY id DESC LIMIT 1;
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

-- Months are made in two steps: announced, and, in a transaction of its own, made.
CREATE FUNCTION ledger.missing_partitions(p_months int) RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT found.month FROM (
        SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => n))::date AS month
        FROM generate_series(-1, p_months) AS n) AS found
    WHERE to_regclass('ledger.event_' || to_char(found.month, 'YYYY_MM')) IS NULL ORDER BY 1
$$;

CREATE FUNCTION ledger.announce_partitions(p_months int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger.missing_partitions(p_months)) THEN
        RETURN false;
    END IF;
    PERFORM ledger.open_maintenance('partitions', interval '5 minutes');
    RETURN true;
END
$$;

CREATE OR REPLACE FUNCTION ledger.ensure_partitions(p_months int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_month date;
    v_name text;
    v_made int := 0;
BEGIN
    FOR v_month IN SELECT * FROM ledger.missing_partitions(p_months) LOOP
        v_name := 'event_' || to_char(v_month, 'YYYY_MM');
        EXECUTE format('CREATE TABLE ledger.%I PARTITION OF ledger.event FOR VALUES FROM (%L) TO (%L)', v_name,
            v_month::timestamp AT TIME ZONE 'UTC', (v_month + interval '1 month') AT TIME ZONE 'UTC');
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY', v_name);
        EXECUTE format('ALTER TABLE ledger.%I FORCE ROW LEVEL SECURITY', v_name);
        PERFORM ledger.guard(('ledger.' || v_name)::regclass);
        v_made := v_made + 1;
    END LOOP;
    IF v_made > 0 THEN
        PERFORM ledger.close_maintenance();
    END IF;
    RETURN v_made;
END
$$;

-- Nothing is done further than it goes: what lies ahead would be taken for done when it comes.
CREATE OR REPLACE FUNCTION ledger.report_duty(p_name text, p_number bigint, p_problem text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_tenant text := substring(p_name FROM '^(?:stream|late):.*:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$');
    v_most bigint;
BEGIN
    IF p_problem = '' THEN
        IF v_tenant IS NULL THEN
            SELECT greatest((SELECT max(c.number) FROM ledger.checkpoint c), (SELECT max(r.old) FROM ledger.restore r)) INTO v_most;
        ELSE
            SELECT h.seq INTO v_most FROM ledger.head h WHERE h.tenant_id = v_tenant::uuid;
        END IF;
        IF p_number > coalesce(v_most, 0) THEN
            RAISE EXCEPTION '% is done up to % at most, not %', p_name, coalesce(v_most, 0), p_number USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    INSERT INTO ledger.duty AS d (name, tried_at, done_at, number, problem)
    VALUES (p_name, clock_timestamp(), CASE WHEN p_problem = '' THEN clock_timestamp() END,
        CASE WHEN p_problem = '' THEN p_number ELSE 0 END, p_problem)
    ON CONFLICT (name) DO UPDATE SET tried_at = excluded.tried_at, problem = excluded.problem,
        done_at = coalesce(excluded.done_at, d.done_at), number = CASE WHEN excluded.problem = '' THEN excluded.number ELSE d.number END;
END
$$;

-- As before, and only for a note that says what its row says. Whether our key signed it the database cannot judge (docs/ledger.md,
-- "A seal that is not ours").
CREATE OR REPLACE FUNCTION ledger.seal(p_number bigint, p_at timestamptz, p_note text, p_tenants uuid[], p_sizes bigint[],
    p_roots bytea[], p_frontiers bytea[], p_last_hashes bytea[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_newest record;
    v_restore record;
    v_prev bytea;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.seal', 0));
    SELECT number, at, hash INTO v_newest FROM ledger.checkpoint ORDER BY number DESC LIMIT 1;
    SELECT r.old, r.hash INTO v_restore FROM ledger.restore r WHERE r.new = coalesce(v_newest.number, 0) ORDER BY r.epoch DESC LIMIT 1;
    -- Behind the newest seal, or behind the one that a restore gave up. Whether two people signed that is not the database's to
    -- judge: a row that nobody signed must not stop the sealer, and a number that no restore excuses is damage to every verifier.
    IF p_number = v_restore.old + 1 THEN
        v_prev := v_restore.hash;
    ELSIF p_number = coalesce(v_newest.number, 0) + 1 THEN
        v_prev := coalesce(v_newest.hash, sha256('toban-checkpoint-genesis'));
    ELSE
        RETURN false;
    END IF;
    IF p_at <= v_newest.at OR p_at > clock_timestamp() THEN
        RAISE EXCEPTION 'ledger.seal: checkpoint % at % is not between its predecessor and now', p_number, p_at
            USING ERRCODE = 'check_violation';
    END IF;
    IF p_note !~ format(E'\\A\\S+\n[0-9]{1,9}\n[A-Za-z0-9+/=]{44}\nnumber %s\nepoch [0-9]{1,9}\nat %s\nclock -?[0-9]{1,15}\n'
            'catalogue [0-9a-f]{64}\nprev %s\n\n— \\S+ [A-Za-z0-9+/]{91}=\n\\Z', p_number, ledger.utc_text(p_at), encode(v_prev, 'hex')) THEN
        RAISE EXCEPTION 'ledger.seal: the note is not one of checkpoint % at % behind %', p_number, p_at, encode(v_prev, 'hex')
            USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO ledger.checkpoint (number, at, note, hash) VALUES (p_number, p_at, p_note, sha256(convert_to(p_note, 'UTF8')));
    INSERT INTO ledger.tree_head (tenant_id, number, size, root, frontier, last_hash)
    SELECT tenant_id, p_number, size, root, frontier, last_hash
    FROM unnest(p_tenants, p_sizes, p_roots, p_frontiers, p_last_hashes) AS grown (tenant_id, size, root, frontier, last_hash);
    RETURN true;
END
$$;

-- Every tenant's newest head by a checkpoint, by skipping along the index: for whoever would else read the heads of all years.
CREATE FUNCTION ledger.heads_at(p_number bigint)
RETURNS TABLE (number bigint, tenant_id uuid, size bigint, root bytea, last_hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    WITH RECURSIVE sealed AS (
        (SELECT t.tenant_id AS id FROM ledger.tree_head t ORDER BY 1 LIMIT 1)
        UNION ALL
        SELECT (SELECT t.tenant_id FROM ledger.tree_head t WHERE t.tenant_id > sealed.id ORDER BY 1 LIMIT 1)
        FROM sealed WHERE sealed.id IS NOT NULL
    )
    SELECT h.number, h.tenant_id, h.size, h.root, h.last_hash FROM sealed
    CROSS JOIN LATERAL (SELECT * FROM ledger.tree_head t WHERE t.tenant_id = sealed.id AND t.number <= p_number
                        ORDER BY t.number DESC LIMIT 1) h
    ORDER BY h.tenant_id
$$;

-- What guards the tables beside the ledger is in the digest from now on, too.
CREATE OR REPLACE FUNCTION ledger.catalogue_digest() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $catalogue$ :catalogue_digest $catalogue$;

GRANT SELECT ON ledger.maintenance TO toban_audit;
REVOKE EXECUTE ON FUNCTION ledger.check_announced(), ledger.missing_partitions(int), ledger.announce_partitions(int), ledger.heads_at(bigint)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.announce_partitions(int) TO toban_owner, toban_scheduler;
GRANT EXECUTE ON FUNCTION ledger.heads_at(bigint) TO toban_audit;
RESET ROLE;
