-- A restore that nobody signed stops no sealer; a purge that people ended is carried out no more.
SET LOCAL ROLE toban_ledger;

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
    -- Behind the newest seal, or behind the one that a restore gave up. Whether two people signed that is not the database's to
    -- judge: a row that nobody signed must not stop the sealer, and a number that no restore excuses is damage to every verifier.
    IF p_number NOT IN (coalesce(v_newest.number, 0) + 1, coalesce(v_old, v_newest.number, 0) + 1) THEN
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

-- Confirmed purges that no tombstone stands for yet and that nobody ended, for the sealer: ids only.
CREATE OR REPLACE FUNCTION ledger.due_purges() RETURNS TABLE (tenant_id uuid, operation uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT o.tenant_id, o.id FROM public.medical_audit_operation o
    WHERE o.kind = 'ledger.purge' AND o.state = 'SUCCEEDED'
      AND NOT EXISTS (SELECT FROM ledger.tombstone t WHERE t.operation = o.id)
      AND NOT EXISTS (SELECT FROM public.medical_audit_operation e
                      WHERE e.tenant_id = o.tenant_id AND e.kind = 'ledger.purge_end' AND e.state = 'SUCCEEDED'
                        AND e.parameters ->> 'purge' = o.id::text)
    ORDER BY o.id
$$;

CREATE FUNCTION ledger.check_not_ended() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    IF EXISTS (SELECT FROM public.medical_audit_operation e
               WHERE e.tenant_id = NEW.tenant_id AND e.kind = 'ledger.purge_end' AND e.state IN ('RUNNING', 'SUCCEEDED')
                 AND e.parameters ->> 'purge' = NEW.operation::text) THEN
        RAISE EXCEPTION 'this purge was ended' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER check_not_ended BEFORE INSERT ON ledger.tombstone FOR EACH ROW EXECUTE FUNCTION ledger.check_not_ended();
SELECT ledger.guard('ledger.tombstone');
REVOKE EXECUTE ON FUNCTION ledger.check_not_ended() FROM PUBLIC;
RESET ROLE;
