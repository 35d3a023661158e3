-- The ledger (design §5): tables owned by toban_ledger, written by its functions only, chained at COMMIT.
-- Roles come from config/roles.sql. Runs on PostgreSQL 15 to 18.
CREATE SCHEMA ledger AUTHORIZATION toban_ledger;
SET LOCAL ROLE toban_ledger;
REVOKE ALL ON SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO toban_web, toban_worker, toban_scheduler, toban_audit, toban_owner;

CREATE SEQUENCE ledger.event_ord;

CREATE TABLE ledger.event (
    ord          bigint      NOT NULL DEFAULT nextval('ledger.event_ord'),
    id           uuid        NOT NULL DEFAULT gen_random_uuid(),
    tenant_id    uuid        NOT NULL,
    event_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    txid         bigint      NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
    db_user      text        NOT NULL DEFAULT session_user,
    body         text        NOT NULL,
    kind         text        NOT NULL GENERATED ALWAYS AS ((body::jsonb) ->> 'kind') STORED,
    outcome      text        NOT NULL GENERATED ALWAYS AS ((body::jsonb) ->> 'outcome') STORED,
    actor_type   text        NOT NULL GENERATED ALWAYS AS ((body::jsonb) -> 'actor' ->> 'type') STORED,
    actor_id     text        NOT NULL GENERATED ALWAYS AS ((body::jsonb) -> 'actor' ->> 'id') STORED,
    actor_name   text        NOT NULL GENERATED ALWAYS AS ((body::jsonb) -> 'actor' ->> 'name') STORED,
    subject_type text        NOT NULL GENERATED ALWAYS AS ((body::jsonb) -> 'subject' ->> 'type') STORED,
    subject_id   text        NOT NULL GENERATED ALWAYS AS ((body::jsonb) -> 'subject' ->> 'id') STORED,
    subject_name text        NOT NULL GENERATED ALWAYS AS ((body::jsonb) -> 'subject' ->> 'name') STORED,
    operation_id text        GENERATED ALWAYS AS ((body::jsonb) ->> 'operation') STORED,
    PRIMARY KEY (event_at, ord),
    -- People act through the web server alone: no worker, tick or audit writes in a person's name.
    CONSTRAINT people_act_through_the_web CHECK (actor_type <> 'user' OR db_user = 'toban_web')
) PARTITION BY RANGE (event_at);
CREATE INDEX ON ledger.event (id);
CREATE INDEX ON ledger.event (txid);
CREATE INDEX ON ledger.event (tenant_id, event_at DESC, ord DESC);
CREATE INDEX ON ledger.event (tenant_id, subject_type, subject_id, event_at DESC);
CREATE INDEX ON ledger.event (tenant_id, operation_id, event_at) WHERE operation_id IS NOT NULL;
CREATE INDEX ON ledger.event (tenant_id, actor_id, event_at DESC);

CREATE TABLE ledger.link (
    tenant_id uuid        NOT NULL,
    seq       bigint      NOT NULL CHECK (seq > 0),
    event_id  uuid        NOT NULL UNIQUE,
    event_at  timestamptz NOT NULL,
    linked_at timestamptz NOT NULL,
    clock_at  timestamptz NOT NULL,
    prev      bytea       NOT NULL,
    hash      bytea       NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, prev)
);

-- Only a cache of the chain's end; the verifier trusts the links.
CREATE TABLE ledger.head (
    tenant_id uuid        PRIMARY KEY,
    seq       bigint      NOT NULL,
    hash      bytea       NOT NULL,
    linked_at timestamptz NOT NULL
);

CREATE FUNCTION ledger.utc_text(moment timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog
AS $$ SELECT to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;

-- The only way in: the caller's own tenant, in the caller's own transaction; time, user and txid set here.
CREATE FUNCTION ledger.log(p_tenant uuid, p_bodies text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    IF p_tenant IS DISTINCT FROM current_setting('toban.tenant_id')::uuid THEN
        RAISE EXCEPTION 'ledger.log: events of tenant % written while another tenant is bound', p_tenant
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO ledger.event (tenant_id, body)
    SELECT p_tenant, body FROM unnest(p_bodies) WITH ORDINALITY AS given (body, place) ORDER BY place;
END
$$;

-- At COMMIT the first firing links every event of the transaction, tenants in order: two transactions that write
-- for the same tenants in another order cannot deadlock, and no head stays locked while the application works.
CREATE FUNCTION ledger.link_transaction() RETURNS trigger
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
    FOR event IN
        SELECT e.* FROM ledger.event e
        WHERE e.txid = (pg_current_xact_id()::text)::bigint AND e.event_at >= transaction_timestamp()
          AND NOT EXISTS (SELECT 1 FROM ledger.link l WHERE l.event_id = e.id)
        ORDER BY e.tenant_id, e.ord
    LOOP
        IF v_tenant IS DISTINCT FROM event.tenant_id THEN
            IF v_tenant IS NOT NULL THEN
                UPDATE ledger.head SET seq = v_seq, hash = v_hash, linked_at = v_linked WHERE tenant_id = v_tenant;
            END IF;
            v_tenant := event.tenant_id;
            INSERT INTO ledger.head (tenant_id, seq, hash, linked_at)
            VALUES (v_tenant, 0, sha256(convert_to('toban-genesis:' || v_tenant, 'UTF8')), '-infinity')
            ON CONFLICT (tenant_id) DO NOTHING;
            SELECT h.seq, h.hash, h.linked_at INTO v_seq, v_hash, v_linked
            FROM ledger.head h WHERE h.tenant_id = v_tenant FOR UPDATE;
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

CREATE FUNCTION ledger.deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- A forged time, transaction number or database user is refused even for the owner.
CREATE FUNCTION ledger.check_time() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NEW.event_at < transaction_timestamp() OR NEW.event_at > clock_timestamp()
       OR NEW.txid <> (pg_current_xact_id()::text)::bigint OR NEW.db_user <> session_user THEN
        RAISE EXCEPTION 'the ledger takes its own time, transaction and user only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

-- Clones of a trigger start as "origin only" and statement triggers are not cloned at all: so by name, per table.
CREATE FUNCTION ledger.guard(p_table regclass) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_trigger name;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = p_table AND tgname = 'deny_change') THEN
        EXECUTE format('CREATE TRIGGER deny_change BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION ledger.deny()', p_table);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = p_table AND tgname = 'deny_truncate') THEN
        EXECUTE format('CREATE TRIGGER deny_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION ledger.deny()', p_table);
    END IF;
    FOR v_trigger IN SELECT tgname FROM pg_trigger WHERE tgrelid = p_table AND NOT tgisinternal LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', p_table, v_trigger);
    END LOOP;
END
$$;

CREATE CONSTRAINT TRIGGER link_at_commit AFTER INSERT ON ledger.event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.link_transaction();
CREATE TRIGGER check_time BEFORE INSERT ON ledger.event FOR EACH ROW EXECUTE FUNCTION ledger.check_time();
SELECT ledger.guard('ledger.event');
SELECT ledger.guard('ledger.link');
CREATE TRIGGER deny_delete BEFORE DELETE ON ledger.head FOR EACH ROW EXECUTE FUNCTION ledger.deny();
CREATE TRIGGER deny_truncate BEFORE TRUNCATE ON ledger.head FOR EACH STATEMENT EXECUTE FUNCTION ledger.deny();
ALTER TABLE ledger.head ENABLE ALWAYS TRIGGER deny_delete;
ALTER TABLE ledger.head ENABLE ALWAYS TRIGGER deny_truncate;

-- Partitions by month, made ahead; an event whose month has none is refused, and with it the action it records.
CREATE FUNCTION ledger.ensure_partitions(p_months int) RETURNS int
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
            EXECUTE format('CREATE TABLE ledger.%I PARTITION OF ledger.event FOR VALUES FROM (%L) TO (%L)', v_name,
                v_month::timestamp AT TIME ZONE 'UTC', (v_month + interval '1 month') AT TIME ZONE 'UTC');
            EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY', v_name);
            EXECUTE format('ALTER TABLE ledger.%I FORCE ROW LEVEL SECURITY', v_name);
            PERFORM ledger.guard(('ledger.' || v_name)::regclass);
            v_made := v_made + 1;
        END IF;
    END LOOP;
    RETURN v_made;
END
$$;
SELECT ledger.ensure_partitions(24);

-- Which tenants have a chain, for the verifier: ids only, by skipping along three indexes. A chain that lost its head
-- or its links is still listed by what is left of it.
CREATE FUNCTION ledger.chains() RETURNS TABLE (tenant_id uuid)
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
    )
    SELECT h.tenant_id FROM ledger.head h UNION SELECT id FROM linked WHERE id IS NOT NULL
    UNION SELECT id FROM written WHERE id IS NOT NULL ORDER BY 1
$$;

-- Whoever reads does so by tenant; the functions' owner sees all, and no login role is that owner.
DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['event', 'link', 'head'] LOOP
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE ledger.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY keeper ON ledger.%I TO toban_ledger USING (true) WITH CHECK (true)', v_table);
        EXECUTE format('CREATE POLICY tenant_wall ON ledger.%I FOR SELECT TO toban_web, toban_worker, toban_scheduler, '
            'toban_audit USING (tenant_id = (SELECT current_setting(''toban.tenant_id'')::uuid))', v_table);
    END LOOP;
END
$$;
GRANT SELECT ON ledger.event, ledger.link, ledger.head TO toban_web, toban_worker, toban_scheduler, toban_audit;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.log(uuid, text[]) TO toban_web, toban_worker, toban_scheduler, toban_audit;
GRANT EXECUTE ON FUNCTION ledger.chains() TO toban_audit;
GRANT EXECUTE ON FUNCTION ledger.ensure_partitions(int) TO toban_owner, toban_scheduler;
RESET ROLE;
