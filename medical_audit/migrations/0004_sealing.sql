-- What the sealer writes, and what watches over the ledger's own catalogue (ADR 11). Written by functions only.
SET LOCAL ROLE toban_ledger;

-- One signed note a minute, also when nothing happened: without a gap, each naming the one before.
CREATE TABLE ledger.checkpoint (
    number bigint      PRIMARY KEY CHECK (number > 0),
    at     timestamptz NOT NULL,
    note   text        NOT NULL,
    hash   bytea       NOT NULL CHECK (hash = sha256(convert_to(note, 'UTF8')))
);

-- A tenant's RFC 9162 tree as that checkpoint sealed it, kept when it grew: `frontier` are the roots of its whole
-- subtrees, largest first, from which it goes on growing; `last_hash` the link's at `size`.
CREATE TABLE ledger.tree_head (
    tenant_id uuid   NOT NULL,
    number    bigint NOT NULL,
    size      bigint NOT NULL CHECK (size > 0),
    root      bytea  NOT NULL,
    frontier  bytea  NOT NULL,
    last_hash bytea  NOT NULL,
    PRIMARY KEY (tenant_id, number),
    UNIQUE (tenant_id, size)
);
CREATE INDEX ON ledger.tree_head (number);

-- When a duty of the sealer was last tried and last done; how things stand, no evidence.
CREATE TABLE ledger.duty (
    name     text        PRIMARY KEY,
    tried_at timestamptz NOT NULL,
    done_at  timestamptz,
    number   bigint      NOT NULL,
    problem  text        NOT NULL
);

CREATE TABLE ledger.catalogue (
    id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text        NOT NULL,
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text        NOT NULL
);

-- Who may change the ledger's catalogue, until when; `until` in the past closes.
CREATE TABLE ledger.maintenance (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    until   timestamptz NOT NULL,
    db_user text        NOT NULL DEFAULT session_user,
    reason  text        NOT NULL
);

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['checkpoint', 'tree_head', 'catalogue', 'maintenance'] LOOP
        PERFORM ledger.guard(('ledger.' || v_table)::regclass);
    END LOOP;
END
$$;

-- Two sealers at once: the second finds its number taken and is told so.
CREATE FUNCTION ledger.seal(p_number bigint, p_at timestamptz, p_note text, p_tenants uuid[], p_sizes bigint[],
    p_roots bytea[], p_frontiers bytea[], p_last_hashes bytea[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_newest record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.seal', 0));
    SELECT number, at INTO v_newest FROM ledger.checkpoint ORDER BY number DESC LIMIT 1;
    IF p_number <> coalesce(v_newest.number, 0) + 1 THEN
        RETURN false;
    END IF;
    IF p_at <= v_newest.at OR p_at > clock_timestamp() THEN
        RAISE EXCEPTION 'ledger.seal: checkpoint % at % is not between its predecessor and now', p_number, p_at
            USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO ledger.checkpoint (number, at, note, hash) VALUES (p_number, p_at, p_note, sha256(convert_to(p_note, 'UTF8')));
    INSERT INTO ledger.tree_head (tenant_id, number, size, root, frontier, last_hash)
    SELECT tenant_id, p_number, size, root, frontier, last_hash
    FROM unnest(p_tenants, p_sizes, p_roots, p_frontiers, p_last_hashes) AS grown (tenant_id, size, root, frontier, last_hash);
    RETURN true;
END
$$;

-- How far each tenant's chain is sealed, and what stands now where its seal ended. Ids and hashes only.
CREATE FUNCTION ledger.progress() RETURNS TABLE (tenant_id uuid, seq bigint, number bigint, size bigint, root bytea,
    frontier bytea, last_hash bytea, found_hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT c.tenant_id, coalesce(h.seq, 0), t.number, t.size, t.root, t.frontier, t.last_hash,
        (SELECT l.hash FROM ledger.link l WHERE l.tenant_id = c.tenant_id AND l.seq = t.size)
    FROM (SELECT x.tenant_id FROM ledger.head x UNION SELECT y.tenant_id FROM ledger.tree_head y) c
    LEFT JOIN ledger.head h ON h.tenant_id = c.tenant_id
    LEFT JOIN LATERAL (SELECT * FROM ledger.tree_head x WHERE x.tenant_id = c.tenant_id ORDER BY x.number DESC LIMIT 1) t ON true
    ORDER BY c.tenant_id
$$;

-- Which trees grew at which checkpoint, for the verifier, which recomputes the root over all tenants.
CREATE FUNCTION ledger.grown(p_after bigint, p_until bigint)
RETURNS TABLE (number bigint, tenant_id uuid, size bigint, root bytea, last_hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT t.number, t.tenant_id, t.size, t.root, t.last_hash FROM ledger.tree_head t
    WHERE t.number > p_after AND t.number <= p_until ORDER BY t.number, t.tenant_id
$$;

CREATE FUNCTION ledger.report_duty(p_name text, p_number bigint, p_problem text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS $$
    INSERT INTO ledger.duty AS d (name, tried_at, done_at, number, problem)
    VALUES (p_name, clock_timestamp(), CASE WHEN p_problem = '' THEN clock_timestamp() END,
        CASE WHEN p_problem = '' THEN p_number ELSE 0 END, p_problem)
    ON CONFLICT (name) DO UPDATE SET tried_at = excluded.tried_at, problem = excluded.problem,
        done_at = coalesce(excluded.done_at, d.done_at), number = CASE WHEN excluded.problem = '' THEN excluded.number ELSE d.number END
$$;

CREATE OR REPLACE FUNCTION ledger.chains() RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    WITH RECURSIVE linked AS (
        (SELECT l.tenant_id AS id FROM ledger.link l ORDER BY 1 LIMIT 1)
        UNION ALL
        SELECT (SELECT l.tenant_id FROM ledger.link l WHERE l.tenant_id > linked.id ORDER BY 1 LIMIT 1)
        FROM linked WHERE linked.id IS NOT NULL
    ), written AS (
        (SELECT e.tenant_id AS id FROM ledger.event e ORDER BY 1 LIMIT 1)
        UNION ALL
        SELECT (SELECT e.tenant_id FROM ledger.event e WHERE e.tenant_id > written.id ORDER BY 1 LIMIT 1)
        FROM written WHERE written.id IS NOT NULL
    ), sealed AS (
        (SELECT t.tenant_id AS id FROM ledger.tree_head t ORDER BY 1 LIMIT 1)
        UNION ALL
        SELECT (SELECT t.tenant_id FROM ledger.tree_head t WHERE t.tenant_id > sealed.id ORDER BY 1 LIMIT 1)
        FROM sealed WHERE sealed.id IS NOT NULL
    )
    SELECT h.tenant_id FROM ledger.head h UNION SELECT id FROM linked WHERE id IS NOT NULL
    UNION SELECT id FROM written WHERE id IS NOT NULL UNION SELECT id FROM sealed WHERE id IS NOT NULL ORDER BY 1
$$;

CREATE FUNCTION ledger.catalogue_digest() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $catalogue$ :catalogue_digest $catalogue$;

-- An event of the platform's own chain, as canonical as the application's.
CREATE FUNCTION ledger.say_maintenance(p_kind text, p_reason text, p_detail text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS $$
    INSERT INTO ledger.event (tenant_id, body) VALUES ('00000000-0000-0000-0000-000000000000', format(
        '{"actor":{"id":%s,"name":%s,"roles":[],"type":"system"},"at":%s,"detail":%s,"kind":%s,"outcome":"ok","reason":%s,'
        '"subject":{"id":"catalogue","name":"","type":"ledger"},"v":1}',
        to_json(session_user::text), to_json(session_user::text), to_json(ledger.utc_text(clock_timestamp())), p_detail,
        to_json(p_kind), to_json(p_reason)))
$$;

-- Whoever changes the ledger's catalogue opens a maintenance first, for himself and for a time; closing it registers the
-- new digest and says so in the platform's own chain, so that the next seal carries it.
CREATE FUNCTION ledger.open_maintenance(p_reason text, p_for interval) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_until timestamptz := clock_timestamp() + least(p_for, interval '1 hour');
BEGIN
    INSERT INTO ledger.maintenance (until, reason) VALUES (v_until, p_reason);
    PERFORM ledger.say_maintenance('ledger.maintenance_opened', p_reason, format('{"until":%s}', to_json(ledger.utc_text(v_until))));
END
$$;

CREATE FUNCTION ledger.close_maintenance() RETURNS boolean
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
    INSERT INTO ledger.catalogue (digest, reason) VALUES (v_digest, coalesce(v_reason, ''));
    PERFORM ledger.say_maintenance('ledger.catalogue_changed', coalesce(v_reason, ''),
        format('{"after":%s,"before":%s}', to_json(v_digest), to_json(coalesce(v_before, ''))));
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
    FOR v_month IN
        SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => n))::date
        FROM generate_series(-1, p_months) AS n
    LOOP
        v_name := 'event_' || to_char(v_month, 'YYYY_MM');
        IF to_regclass('ledger.' || v_name) IS NULL THEN
            IF v_made = 0 THEN
                PERFORM ledger.open_maintenance('partitions', interval '1 minute');
            END IF;
            EXECUTE format('CREATE TABLE ledger.%I PARTITION OF ledger.event FOR VALUES FROM (%L) TO (%L)', v_name,
                v_month::timestamp AT TIME ZONE 'UTC', (v_month + interval '1 month') AT TIME ZONE 'UTC');
            EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY', v_name);
            EXECUTE format('ALTER TABLE ledger.%I FORCE ROW LEVEL SECURITY', v_name);
            PERFORM ledger.guard(('ledger.' || v_name)::regclass);
            v_made := v_made + 1;
        END IF;
    END LOOP;
    IF v_made > 0 THEN
        PERFORM ledger.close_maintenance();
    END IF;
    RETURN v_made;
END
$$;

ALTER TABLE ledger.tree_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.tree_head FORCE ROW LEVEL SECURITY;
CREATE POLICY keeper ON ledger.tree_head TO toban_ledger USING (true) WITH CHECK (true);
CREATE POLICY tenant_wall ON ledger.tree_head FOR SELECT TO toban_web, toban_worker, toban_scheduler, toban_audit
    USING (tenant_id = (SELECT current_setting('toban.tenant_id')::uuid));
GRANT SELECT ON ledger.tree_head TO toban_web, toban_worker, toban_scheduler, toban_audit;
GRANT SELECT ON ledger.checkpoint, ledger.duty, ledger.catalogue TO toban_web, toban_audit;

REVOKE EXECUTE ON FUNCTION ledger.seal(bigint, timestamptz, text, uuid[], bigint[], bytea[], bytea[], bytea[]),
    ledger.progress(), ledger.grown(bigint, bigint), ledger.report_duty(text, bigint, text), ledger.catalogue_digest(),
    ledger.say_maintenance(text, text, text), ledger.open_maintenance(text, interval), ledger.close_maintenance() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.seal(bigint, timestamptz, text, uuid[], bigint[], bytea[], bytea[], bytea[]),
    ledger.progress(), ledger.grown(bigint, bigint), ledger.report_duty(text, bigint, text) TO toban_audit;
GRANT EXECUTE ON FUNCTION ledger.open_maintenance(text, interval), ledger.close_maintenance() TO toban_owner;
RESET ROLE;
