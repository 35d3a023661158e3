-- No row is planted beside the guards: in a child of a table, which has neither triggers nor policies, or as a role that only erases.

-- As walls.py makes them from now on: the ledger's role is let through in a session of who may call for an erasure, not for itself.
DO $$
DECLARE
    v_trigger text;
BEGIN
    FOR v_trigger IN
        SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
          AND strpos(pg_get_triggerdef(t.oid), 'WHEN ((CURRENT_USER <> ''toban_ledger''::name))') > 0
    LOOP
        EXECUTE replace(replace(v_trigger, 'CREATE TRIGGER', 'CREATE OR REPLACE TRIGGER'),
            'WHEN ((CURRENT_USER <> ''toban_ledger''::name))',
            'WHEN (CURRENT_USER <> ''toban_ledger'' OR SESSION_USER NOT IN (''toban_web'', ''toban_audit''))');
    END LOOP;
END
$$;

SET LOCAL ROLE toban_ledger;
-- As before, by the tables themselves: a tombstone in a child of theirs stands for nothing.
CREATE OR REPLACE FUNCTION ledger.deny() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW' AND TG_TABLE_SCHEMA = 'ledger' THEN
        IF TG_TABLE_NAME = 'link' THEN
            IF EXISTS (SELECT FROM ONLY ledger.tombstone t WHERE t.tenant_id = OLD.tenant_id
                       AND t.txid = (pg_current_xact_id()::text)::bigint AND OLD.seq BETWEEN t.first_seq AND t.last_seq) THEN
                RETURN OLD;
            END IF;
        ELSIF TG_TABLE_NAME ~ '^event(_\d{4}_\d\d)?$' THEN
            IF EXISTS (SELECT FROM ONLY ledger.tombstone t JOIN ONLY ledger.link l ON l.tenant_id = t.tenant_id
                           AND l.seq BETWEEN t.first_seq AND t.last_seq
                       WHERE t.txid = (pg_current_xact_id()::text)::bigint AND l.event_id = OLD.id AND l.event_at = OLD.event_at) THEN
                RETURN OLD;
            END IF;
        END IF;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE OR REPLACE FUNCTION ledger.check_tombstone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_years int := 5;
    v_hold text := '';
    v_local timestamp := NEW.until AT TIME ZONE 'Asia/Tokyo';
BEGIN
    IF session_user <> 'toban_audit' OR NEW.txid <> (pg_current_xact_id()::text)::bigint THEN
        RAISE EXCEPTION 'only the sealer writes tombstones' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM FROM ONLY public.medical_audit_operation o
    WHERE o.id = NEW.operation AND o.tenant_id = NEW.tenant_id AND o.kind = 'ledger.purge' AND o.state = 'SUCCEEDED'
      AND o.entered_by_type = 'user' AND o.confirmed_by_id NOT IN ('', o.entered_by_id)
      AND (o.parameters ->> 'before_at')::timestamptz = NEW.until
      AND (o.parameters ->> 'first_event')::bigint = NEW.first_seq AND (o.parameters ->> 'last_event')::bigint = NEW.last_seq;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no purge of these events was entered and confirmed by two people' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT greatest(5, r.years), r.hold INTO v_years, v_hold FROM ONLY public.medical_audit_retention r WHERE r.tenant_id = NEW.tenant_id;
    IF coalesce(v_hold, '') <> '' THEN
        RAISE EXCEPTION 'the record is held: %', v_hold USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF v_local <> date_trunc('month', v_local)
       OR (v_local + make_interval(years => coalesce(v_years, 5))) AT TIME ZONE 'Asia/Tokyo' > clock_timestamp() THEN
        RAISE EXCEPTION 'the term of these events is not over' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NEW.first_seq <> 1 + coalesce((SELECT max(t.last_seq) FROM ONLY ledger.tombstone t WHERE t.tenant_id = NEW.tenant_id), 0) THEN
        RAISE EXCEPTION 'a purge begins behind the one before it' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM ONLY ledger.tree_head h JOIN ONLY ledger.checkpoint c ON c.number = h.number
                   WHERE h.tenant_id = NEW.tenant_id AND h.number = NEW.number AND h.size = NEW.last_seq AND c.at < NEW.until)
       OR NOT EXISTS (SELECT FROM ONLY ledger.tree_head h WHERE h.tenant_id = NEW.tenant_id AND h.size > NEW.last_seq) THEN
        RAISE EXCEPTION 'these events do not end at a seal of their month with others behind it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

-- Children of tables, settings of roles and of the database, rules and rights of public are in the digest from now on, too.
CREATE OR REPLACE FUNCTION ledger.catalogue_digest() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $catalogue$ :catalogue_digest $catalogue$;
RESET ROLE;
