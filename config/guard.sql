-- The guard over the ledger's catalogue: refuses each DDL command that would change a table, trigger, function, right or
-- policy of the ledger outside an open maintenance. Run it with psql as a superuser, in the database, after `migrate`;
-- running it again renews it:
--
--     psql -v ON_ERROR_STOP=1 -d toban -f config/guard.sql
--
-- Event triggers need a superuser. Where there is none (managed PostgreSQL) leave this out: the sealer then compares the
-- digest each minute, which tells of a change afterwards instead of refusing it.
BEGIN;
SET LOCAL client_min_messages = warning;
-- Announced in a transaction of its own: the guard lets through only what was announced before.
SELECT ledger.open_maintenance('guard', interval '1 minute');
COMMIT;

BEGIN;
SET LOCAL client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS toban_guard;
REVOKE ALL ON SCHEMA toban_guard FROM PUBLIC;

-- A copy of its own: the ledger's function could be replaced by the very command that is judged.
DO $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION toban_guard.digest() RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS %L',
        (SELECT prosrc FROM pg_proc WHERE oid = 'ledger.catalogue_digest()'::regprocedure));
END
$$;

CREATE OR REPLACE FUNCTION toban_guard.refuse() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_until timestamptz;
    v_txid bigint;
BEGIN
    SELECT until, txid INTO v_until, v_txid FROM ONLY ledger.maintenance WHERE db_user = session_user ORDER BY id DESC LIMIT 1;
    -- Announced by an event that is linked already, so in an earlier transaction: in the same one a change that is let through could
    -- take away what announces it, and nobody would ever know.
    IF v_until > clock_timestamp() AND v_txid <> (pg_current_xact_id()::text)::bigint AND EXISTS (
        SELECT FROM ledger.event e JOIN ONLY ledger.link l ON (l.event_id, l.event_at, l.tenant_id) = (e.id, e.event_at, e.tenant_id)
        WHERE e.tenant_id = '00000000-0000-0000-0000-000000000000' AND e.kind = 'ledger.maintenance_opened'
          AND e.event_at > clock_timestamp() - interval '2 hours' AND e.event_at <= clock_timestamp()
          AND e.txid <> (pg_current_xact_id()::text)::bigint AND e.body::jsonb #>> '{detail,until}' = ledger.utc_text(v_until)
    ) THEN
        RETURN;
    END IF;
    -- IS DISTINCT FROM: after DROP SCHEMA there may be nothing left to make a digest of.
    IF toban_guard.digest() IS DISTINCT FROM (SELECT digest FROM ONLY ledger.catalogue ORDER BY id DESC LIMIT 1) THEN
        RAISE EXCEPTION '% would change what guards the ledger', tg_tag
            USING ERRCODE = 'insufficient_privilege',
            HINT = 'Announce it first, in a transaction of its own: SELECT ledger.open_maintenance(reason, interval); afterwards '
                'ledger.close_maintenance(). Both are recorded.';
    END IF;
END
$$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_event_trigger WHERE evtname = 'toban_guard') THEN
        CREATE EVENT TRIGGER toban_guard ON ddl_command_end EXECUTE FUNCTION toban_guard.refuse();
    END IF;
END
$$;
-- Also in a session that says it is a replica.
ALTER EVENT TRIGGER toban_guard ENABLE ALWAYS;
SELECT ledger.close_maintenance();
COMMIT;
