-- Where an export waits to be made, was left behind, or has lain long enough: tenants only.
GRANT SELECT (tenant_id, state, started_at, expires_at) ON medical_audit_export TO toban_queue;
CREATE POLICY queue_reader ON medical_audit_export FOR SELECT TO toban_queue USING (true);
SET LOCAL ROLE toban_queue;
CREATE FUNCTION queue.due_exports(p_now timestamptz, p_left_behind timestamptz) RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT DISTINCT x.tenant_id FROM public.medical_audit_export x
    WHERE x.state = 'asked' OR (x.state = 'running' AND x.started_at < p_left_behind)
       OR (x.state = 'ready' AND x.expires_at <= p_now)
$$;
REVOKE EXECUTE ON FUNCTION queue.due_exports(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.due_exports(timestamptz, timestamptz) TO toban_worker, toban_scheduler;
RESET ROLE;

-- How the bound tenant's head hangs under a seal's root over all tenants: the leaves of that tree as hashes, in order, and
-- which is its own. A leaf's hash covers random ids and hashes, so it tells nothing of the others but how many they are,
-- which the seal says anyway.
SET LOCAL ROLE toban_ledger;
CREATE FUNCTION ledger.seal_leaves(p_number bigint) RETURNS TABLE (own boolean, leaf bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT t.tenant_id = current_setting('toban.tenant_id')::uuid,
        sha256('\x00'::bytea || convert_to(concat_ws(E'\n', 'toban-tree-head-1', t.tenant_id, t.size, encode(t.root, 'hex'),
            encode(t.last_hash, 'hex')) || E'\n', 'UTF8'))
    FROM (SELECT h.tenant_id FROM ledger.head h UNION SELECT x.tenant_id FROM ledger.tree_head x WHERE x.number = p_number) one
    CROSS JOIN LATERAL (SELECT x.* FROM ledger.tree_head x WHERE x.tenant_id = one.tenant_id AND x.number <= p_number
                        ORDER BY x.number DESC LIMIT 1) t
    ORDER BY t.tenant_id::text COLLATE "C"
$$;
REVOKE EXECUTE ON FUNCTION ledger.seal_leaves(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.seal_leaves(bigint) TO toban_web, toban_worker;
GRANT SELECT ON ledger.checkpoint TO toban_worker;
RESET ROLE;
