-- Going on after a restore from backup (ADR 15): a statement that two people signed, and what each tenant lost by it.
SET LOCAL ROLE toban_ledger;

CREATE TABLE ledger.restore (
    epoch bigint      PRIMARY KEY CHECK (epoch > 0),
    old   bigint      NOT NULL,
    new   bigint      NOT NULL CHECK (new >= 0 AND new < old),
    note  text        NOT NULL,
    hash  bytea       NOT NULL CHECK (hash = sha256(convert_to(note, 'UTF8'))),
    at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE ledger.loss (
    tenant_id uuid   NOT NULL,
    epoch     bigint NOT NULL,
    first_seq bigint NOT NULL CHECK (first_seq > 0),
    last_seq  bigint NOT NULL CHECK (last_seq >= first_seq),
    PRIMARY KEY (tenant_id, epoch)
);
SELECT ledger.guard('ledger.restore');
SELECT ledger.guard('ledger.loss');

-- The sealer has checked the two signatures; whoever verifies checks them again, and needs not believe this row.
CREATE FUNCTION ledger.accept_restore(p_epoch bigint, p_old bigint, p_new bigint, p_note text, p_tenants uuid[],
    p_firsts bigint[], p_lasts bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.seal', 0));
    IF p_new <> coalesce((SELECT max(number) FROM ledger.checkpoint), 0)
       OR p_epoch <= coalesce((SELECT max(epoch) FROM ledger.restore), 0) THEN
        RAISE EXCEPTION 'ledger.accept_restore: the record does not end at seal %, or epoch % was there before', p_new, p_epoch
            USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO ledger.restore (epoch, old, new, note, hash)
    VALUES (p_epoch, p_old, p_new, p_note, sha256(convert_to(p_note, 'UTF8')));
    INSERT INTO ledger.loss (tenant_id, epoch, first_seq, last_seq)
    SELECT tenant_id, p_epoch, first_seq, last_seq FROM unnest(p_tenants, p_firsts, p_lasts) AS lost (tenant_id, first_seq, last_seq);
END
$$;

-- What all tenants lost, for the verifier, which recomputes the root over it.
CREATE FUNCTION ledger.losses(p_epoch bigint) RETURNS TABLE (tenant_id uuid, first_seq bigint, last_seq bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$ SELECT l.tenant_id, l.first_seq, l.last_seq FROM ledger.loss l WHERE l.epoch = p_epoch ORDER BY l.tenant_id $$;

-- As before, but for the number: after a restore it goes on behind the newest seal that had ever been made.
CREATE OR REPLACE FUNCTION ledger.seal(p_number bigint, p_at timestamptz, p_note text, p_tenants uuid[], p_sizes bigint[],
    p_roots bytea[], p_frontiers bytea[], p_last_hashes bytea[]) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_newest record;
    v_old bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.seal', 0));
    SELECT number, at INTO v_newest FROM ledger.checkpoint ORDER BY number DESC LIMIT 1;
    SELECT r.old INTO v_old FROM ledger.restore r WHERE r.new = coalesce(v_newest.number, 0) ORDER BY r.epoch DESC LIMIT 1;
    IF p_number <> coalesce(v_old, v_newest.number, 0) + 1 THEN
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

ALTER TABLE ledger.loss ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.loss FORCE ROW LEVEL SECURITY;
CREATE POLICY keeper ON ledger.loss TO toban_ledger USING (true) WITH CHECK (true);
CREATE POLICY tenant_wall ON ledger.loss FOR SELECT TO toban_web, toban_worker, toban_scheduler, toban_audit
    USING (tenant_id = (SELECT current_setting('toban.tenant_id')::uuid));
GRANT SELECT ON ledger.loss, ledger.restore TO toban_web, toban_audit;
REVOKE EXECUTE ON FUNCTION ledger.accept_restore(bigint, bigint, bigint, text, uuid[], bigint[], bigint[]), ledger.losses(bigint)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.accept_restore(bigint, bigint, bigint, text, uuid[], bigint[], bigint[]), ledger.losses(bigint)
    TO toban_audit;
RESET ROLE;
