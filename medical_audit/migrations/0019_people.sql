-- What of events can be read as a person's, beside the chain, under a key of his own (ADR 19).
GRANT SELECT (person_months) ON medical_audit_retention TO toban_ledger;
GRANT SELECT (id, target_name, shown, authority, outcome_detail), UPDATE (target_name, parameters, shown, authority, outcome_detail) ON medical_audit_operation
    TO toban_ledger;
GRANT SELECT (account), DELETE ON medical_audit_failedsignin TO toban_ledger;
GRANT SELECT (tenant_id), DELETE ON medical_audit_exportpart TO toban_ledger;
GRANT SELECT (tenant_id, state, finished_at), UPDATE (state, problem, finished_at) ON medical_audit_export TO toban_ledger;
CREATE POLICY eraser ON medical_audit_exportpart TO toban_ledger USING (true);
SET LOCAL ROLE toban_ledger;

CREATE TABLE ledger.person_key (
    tenant_id uuid        NOT NULL,
    person    text        NOT NULL,
    sealed    text        NOT NULL,
    made_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, person)
);

CREATE TABLE ledger.person_value (
    tenant_id uuid        NOT NULL,
    token     text        NOT NULL CHECK (token ~ '^~[A-Za-z0-9_-]{32}$'),
    person    text        NOT NULL,
    field     text        NOT NULL,
    sealed    text        NOT NULL,
    made_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, token),
    FOREIGN KEY (tenant_id, person) REFERENCES ledger.person_key
);
CREATE INDEX ON ledger.person_value (tenant_id, person);

-- That a person's key was destroyed; `note` is the sealer's signature over it, which also lies with the anchors.
CREATE TABLE ledger.erasure (
    tenant_id uuid        NOT NULL,
    person    text        NOT NULL,
    operation uuid        NOT NULL,
    key_id    text        NOT NULL,
    count     bigint      NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    txid      bigint      NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
    note      text        NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, person, operation)
);
CREATE INDEX ON ledger.erasure (txid);

-- Which columns beside the events hold what can be read as a person's; filled by migrations (walls.Erasable).
CREATE TABLE ledger.person_column (
    relation   text    NOT NULL,
    person     text    NOT NULL,
    columns    text[]  NOT NULL,
    everywhere boolean NOT NULL,
    PRIMARY KEY (relation, person)
);

-- An event about people is written only while what it refers to is there; gives back the references that are not.
-- As the caller: who may not write events may not do it this way either.
CREATE FUNCTION ledger.log_people(p_tenant uuid, p_bodies text[], p_tokens text[]) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_missing text[];
BEGIN
    v_missing := ARRAY(
        SELECT given.token FROM unnest(p_tokens) AS given (token)
        WHERE NOT EXISTS (SELECT FROM ledger.person_value v WHERE v.tenant_id = p_tenant AND v.token = given.token));
    IF v_missing = '{}' THEN
        PERFORM ledger.log(p_tenant, p_bodies);
    END IF;
    RETURN v_missing;
END
$$;

-- The key of this person, sealed; the given one where there was none.
CREATE FUNCTION ledger.keep_person(p_tenant uuid, p_person text, p_sealed text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_sealed text;
BEGIN
    PERFORM ledger.check_bound(p_tenant);
    INSERT INTO ledger.person_key (tenant_id, person, sealed) VALUES (p_tenant, p_person, p_sealed) ON CONFLICT DO NOTHING;
    SELECT k.sealed INTO v_sealed FROM ledger.person_key k WHERE k.tenant_id = p_tenant AND k.person = p_person;
    RETURN v_sealed;
END
$$;

-- Only under the key that is there now: a writer that still holds one that was destroyed keeps nothing.
CREATE FUNCTION ledger.keep_value(p_tenant uuid, p_person text, p_key text, p_token text, p_field text, p_sealed text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM ledger.check_bound(p_tenant);
    PERFORM FROM ledger.person_key k WHERE k.tenant_id = p_tenant AND k.person = p_person AND k.sealed = p_key FOR KEY SHARE;
    IF FOUND THEN
        INSERT INTO ledger.person_value (tenant_id, token, person, field, sealed)
        VALUES (p_tenant, p_token, p_person, p_field, p_sealed) ON CONFLICT DO NOTHING;
    END IF;
END
$$;

CREATE FUNCTION ledger.check_bound(p_tenant uuid) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF p_tenant IS DISTINCT FROM current_setting('toban.tenant_id')::uuid THEN
        RAISE EXCEPTION 'people of tenant % while another tenant is bound', p_tenant USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

-- The same key under another of TOBAN_SECRETS_KEYS; compared with what it was, so that nothing else is put in its place unseen.
CREATE FUNCTION ledger.reseal_person(p_tenant uuid, p_person text, p_before text, p_after text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM ledger.check_bound(p_tenant);
    UPDATE ledger.person_key k SET sealed = p_after
    WHERE k.tenant_id = p_tenant AND k.person = p_person AND k.sealed = p_before;
    RETURN FOUND;
END
$$;

-- Destroying a person's key, and what can be read of him in the rows beside the events: only for an erasure that two people
-- entered and confirmed, inside its own transaction, not under a hold, and after his term. `p_texts`: his names, as they may
-- stand inside what was entered about him.
CREATE FUNCTION ledger.erase_person(p_tenant uuid, p_person text, p_operation uuid, p_texts text[], p_everywhere boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_months int;
    v_hold text;
    v_last timestamptz;
    v_count bigint := 0;
    v_more bigint;
    v_found record;
    v_tenant uuid;
    v_key text;
BEGIN
    PERFORM ledger.check_bound(p_tenant);
    PERFORM FROM public.medical_audit_operation o
    WHERE o.id = p_operation AND o.tenant_id = p_tenant AND o.kind = 'person.erase' AND o.state = 'RUNNING'
      AND o.entered_by_type = 'user' AND o.confirmed_by_id NOT IN ('', o.entered_by_id) AND o.parameters ->> 'person' = p_person;
    IF NOT FOUND OR session_user <> 'toban_web' THEN
        RAISE EXCEPTION 'no erasure of % is being carried out that two people entered and confirmed', p_person
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT r.person_months, r.hold INTO v_months, v_hold FROM public.medical_audit_retention r WHERE r.tenant_id = p_tenant;
    IF coalesce(v_hold, '') <> '' THEN
        RAISE EXCEPTION 'the record is held: %', v_hold USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT max(e.event_at) INTO v_last FROM ledger.event e WHERE e.tenant_id = p_tenant AND e.actor_id = p_person;
    IF v_last + make_interval(months => greatest(12, coalesce(v_months, 60))) > clock_timestamp() THEN
        RAISE EXCEPTION 'the term of this person is not over' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    FOREACH v_tenant IN ARRAY CASE WHEN p_everywhere THEN ARRAY[p_tenant, '00000000-0000-0000-0000-000000000000'::uuid]
                                   ELSE ARRAY[p_tenant] END LOOP
        SELECT encode(sha256(convert_to(k.sealed, 'UTF8')), 'hex') INTO v_key FROM ledger.person_key k
        WHERE k.tenant_id = v_tenant AND k.person = p_person FOR UPDATE;
        DELETE FROM ledger.person_value v WHERE v.tenant_id = v_tenant AND v.person = p_person;
        GET DIAGNOSTICS v_more = ROW_COUNT;
        DELETE FROM ledger.person_key k WHERE k.tenant_id = v_tenant AND k.person = p_person;
        INSERT INTO ledger.erasure (tenant_id, person, operation, key_id, count)
        VALUES (v_tenant, p_person, p_operation, coalesce(v_key, ''), v_more);
        v_count := v_count + v_more;
    END LOOP;
    RETURN v_count + ledger.erase_rows(p_tenant, p_person, p_texts, p_everywhere);
END
$$;

-- The rows beside the events: columns that hold a name, an address or a device of this person.
CREATE FUNCTION ledger.erase_rows(p_tenant uuid, p_person text, p_texts text[], p_everywhere boolean) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_count bigint := 0;
    v_more bigint;
    v_found record;
    v_text text;
    v_texts text[];
BEGIN
    -- His names as they stand in rows that bear his id: by them he is found where no id stands.
    v_texts := ARRAY(SELECT DISTINCT named.one FROM (
        SELECT unnest(p_texts) AS one
        UNION ALL SELECT o.entered_by_name FROM public.medical_audit_operation o
            WHERE o.tenant_id = p_tenant AND o.entered_by_id = p_person
        UNION ALL SELECT o.confirmed_by_name FROM public.medical_audit_operation o
            WHERE o.tenant_id = p_tenant AND o.confirmed_by_id = p_person
        UNION ALL SELECT v.user_name FROM public.medical_audit_visit v
            WHERE v.tenant_id = p_tenant AND v.user_id::text = p_person
    ) AS named WHERE named.one NOT IN ('', '消去済み (erased)'));
    FOR v_found IN SELECT c.* FROM ledger.person_column c WHERE c.person = '{}' ORDER BY c.relation LOOP
        FOREACH v_text IN ARRAY v_texts LOOP
            EXECUTE format('UPDATE %1$s SET %2$I = ledger.without(%2$I, $1) WHERE tenant_id = $2 AND strpos(%2$I::text, $1) > 0',
                v_found.relation::regclass, v_found.columns[1]) USING v_text, p_tenant;
        END LOOP;
    END LOOP;
    FOR v_found IN SELECT c.* FROM ledger.person_column c WHERE c.person <> '{}' AND (p_everywhere OR NOT c.everywhere) ORDER BY c.relation, c.person LOOP
        EXECUTE format('UPDATE %s SET %s WHERE %s AND %s', v_found.relation::regclass,
            (SELECT string_agg(CASE WHEN one = 'username' THEN 'username = ''erased-'' || $1'
                ELSE format('%1$I = CASE WHEN %1$I = '''' THEN %1$I ELSE ''消去済み (erased)'' END', one) END, ', ')
             FROM unnest(v_found.columns) AS given (one)),
            -- A name beside which no id stands is found by the name.
            CASE WHEN v_found.person = v_found.columns[1] THEN format('%I = ANY ($3)', v_found.person)
                 ELSE format('%I::text = $1', v_found.person) END,
            CASE WHEN v_found.everywhere THEN 'true' ELSE 'tenant_id = $2' END)
        USING p_person, p_tenant, v_texts;
        GET DIAGNOSTICS v_more = ROW_COUNT;
        v_count := v_count + v_more;
    END LOOP;
    -- Files that were made of the ledger hold his name, or soon would.
    DELETE FROM public.medical_audit_exportpart p WHERE p.tenant_id = p_tenant;
    UPDATE public.medical_audit_export e SET state = CASE e.state WHEN 'ready' THEN 'gone' ELSE 'failed' END,
        problem = CASE e.state WHEN 'ready' THEN '' ELSE 'person_erased' END, finished_at = coalesce(e.finished_at, clock_timestamp())
    WHERE e.tenant_id = p_tenant AND e.state IN ('asked', 'running', 'ready');
    IF p_everywhere THEN
        DELETE FROM public.medical_audit_failedsignin f WHERE f.account = p_person;
    END IF;
    FOREACH v_text IN ARRAY v_texts LOOP
        UPDATE public.medical_audit_operation o
        SET authority = ledger.without(o.authority, v_text), outcome_detail = ledger.without(o.outcome_detail, v_text)
        WHERE o.tenant_id = p_tenant AND strpos(concat(o.authority, o.outcome_detail), to_json(v_text)::text) > 0;
        UPDATE public.medical_audit_operation o
        SET parameters = ledger.without(o.parameters, v_text), shown = ledger.without(o.shown, v_text),
            target_name = CASE WHEN o.target_name = v_text THEN '消去済み (erased)' ELSE o.target_name END
        WHERE o.tenant_id = p_tenant AND ledger.is_about_people(o.kind)
          AND strpos(concat(o.parameters, o.shown, to_json(o.target_name)), to_json(v_text)::text) > 0;
    END LOOP;
    RETURN v_count;
END
$$;

-- JSON without this text where it is a whole string.
CREATE FUNCTION ledger.without(p_said jsonb, p_text text) RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$ SELECT replace(p_said::text, to_json(p_text)::text, to_json('消去済み (erased)'::text)::text)::jsonb $$;

-- A text that is sent out without this one.
CREATE FUNCTION ledger.without(p_said text, p_text text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$ SELECT replace(p_said, p_text, '消去済み (erased)') $$;

-- Kinds of operations whose content may name a person.
CREATE FUNCTION ledger.is_about_people(p_kind text) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$ SELECT split_part(p_kind, '.', 1) IN ('member', 'delegation', 'deputies', 'emergency', 'session', 'person', 'token') $$;

-- Every erasure of the ledger that no signature stands under yet, for the sealer; and the signature.
CREATE FUNCTION ledger.unsigned_erasures() RETURNS SETOF ledger.erasure
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$ SELECT e.* FROM ledger.erasure e WHERE e.note = '' ORDER BY e.at, e.person LIMIT 100 $$;
CREATE FUNCTION ledger.signed_erasures(p_since timestamptz) RETURNS SETOF ledger.erasure
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$ SELECT e.* FROM ledger.erasure e WHERE e.note <> '' AND (p_since IS NULL OR e.at >= p_since) ORDER BY e.at, e.person $$;
CREATE FUNCTION ledger.sign_erasure(p_tenant uuid, p_person text, p_operation uuid, p_note text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    UPDATE ledger.erasure e SET note = p_note
    WHERE e.tenant_id = p_tenant AND e.person = p_person AND e.operation = p_operation AND e.note = '';
    RETURN FOUND;
END
$$;

-- After a restore from a backup of before: what a signed erasure destroyed is there again, and goes again. `p_at`: when it was
-- erased; what was made after that is another key.
CREATE FUNCTION ledger.erase_again(p_tenant uuid, p_person text, p_operation uuid, p_key text, p_at timestamptz, p_note text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_count bigint;
BEGIN
    PERFORM ledger.check_bound(p_tenant);
    IF session_user <> 'toban_audit' THEN
        RAISE EXCEPTION 'only the sealer erases again' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM ledger.person_value v WHERE v.tenant_id = p_tenant AND v.person = p_person AND v.made_at <= p_at;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    DELETE FROM ledger.person_key k WHERE k.tenant_id = p_tenant AND k.person = p_person AND k.made_at <= p_at;
    INSERT INTO ledger.erasure (tenant_id, person, operation, key_id, count, at, note)
    VALUES (p_tenant, p_person, p_operation, p_key, v_count, p_at, p_note) ON CONFLICT DO NOTHING;
    RETURN v_count + ledger.erase_rows(p_tenant, p_person, '{}', p_tenant = '00000000-0000-0000-0000-000000000000');
END
$$;

-- A column that an erasure emptied needs no event about its row: the erasure is one.
CREATE OR REPLACE FUNCTION ledger.require_event_about() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_row jsonb;
BEGIN
    IF TG_OP = 'UPDATE' AND EXISTS (SELECT FROM ledger.erasure e WHERE e.txid = (pg_current_xact_id()::text)::bigint)
       AND NOT EXISTS (SELECT FROM jsonb_each(to_jsonb(NEW)) n JOIN jsonb_each(to_jsonb(OLD)) o USING (key)
                       WHERE n.value IS DISTINCT FROM o.value AND n.value <> '"消去済み (erased)"' AND n.value #>> '{}' NOT LIKE 'erased-%') THEN
        RETURN NULL;
    END IF;
    FOREACH v_row IN ARRAY ARRAY[to_jsonb(OLD), to_jsonb(NEW)] LOOP
        IF v_row IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM ledger.event e
            WHERE e.txid = (pg_current_xact_id()::text)::bigint
              AND e.event_at >= transaction_timestamp() AND e.event_at < statement_timestamp() + interval '1 day'
              AND e.tenant_id = coalesce((v_row ->> 'tenant_id')::uuid, e.tenant_id)
              AND e.subject_type = TG_ARGV[0] AND e.subject_id = v_row ->> TG_ARGV[1]
              AND EXISTS (SELECT 1 FROM unnest(TG_ARGV[2:]) AS allowed (beginning) WHERE starts_with(e.kind, beginning))
        ) THEN
            RAISE EXCEPTION '% of % % without an event about it', TG_OP, TG_ARGV[0], v_row ->> TG_ARGV[1]
                USING ERRCODE = 'check_violation', TABLE = TG_TABLE_NAME;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

-- From now on events name people by reference; what was written before stays as it is.
ALTER TABLE ledger.event ADD CONSTRAINT people_are_named_by_reference
    CHECK (actor_type <> 'user' OR actor_name = '' OR actor_name ~ '^~[A-Za-z0-9_-]{32}$') NOT VALID;

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['person_key', 'person_value', 'erasure'] LOOP
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('ALTER TABLE ledger.%I FORCE ROW LEVEL SECURITY', v_table);
        EXECUTE format('CREATE POLICY keeper ON ledger.%I TO toban_ledger USING (true) WITH CHECK (true)', v_table);
        EXECUTE format('CREATE POLICY tenant_wall ON ledger.%I FOR SELECT TO toban_web, toban_worker, toban_scheduler, '
            'toban_audit USING (tenant_id = (SELECT current_setting(''toban.tenant_id'')::uuid))', v_table);
        EXECUTE format('CREATE TRIGGER deny_truncate BEFORE TRUNCATE ON ledger.%I FOR EACH STATEMENT EXECUTE FUNCTION ledger.deny()', v_table);
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ALWAYS TRIGGER deny_truncate', v_table);
    END LOOP;
END
$$;
CREATE TRIGGER deny_delete BEFORE DELETE ON ledger.erasure FOR EACH ROW EXECUTE FUNCTION ledger.deny();
ALTER TABLE ledger.erasure ENABLE ALWAYS TRIGGER deny_delete;
GRANT SELECT ON ledger.person_key, ledger.person_value, ledger.erasure TO toban_web, toban_worker, toban_scheduler, toban_audit;
REVOKE EXECUTE ON FUNCTION ledger.log_people(uuid, text[], text[]), ledger.keep_person(uuid, text, text),
    ledger.keep_value(uuid, text, text, text, text, text), ledger.check_bound(uuid), ledger.reseal_person(uuid, text, text, text),
    ledger.erase_person(uuid, text, uuid, text[], boolean), ledger.erase_rows(uuid, text, text[], boolean),
    ledger.is_about_people(text), ledger.without(jsonb, text), ledger.without(text, text), ledger.unsigned_erasures(), ledger.signed_erasures(timestamptz), ledger.sign_erasure(uuid, text, uuid, text),
    ledger.erase_again(uuid, text, uuid, text, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.log_people(uuid, text[], text[]), ledger.keep_person(uuid, text, text),
    ledger.keep_value(uuid, text, text, text, text, text) TO toban_web, toban_worker, toban_scheduler, toban_audit;
GRANT EXECUTE ON FUNCTION ledger.reseal_person(uuid, text, text, text) TO toban_web, toban_worker, toban_scheduler;
GRANT EXECUTE ON FUNCTION ledger.erase_person(uuid, text, uuid, text[], boolean) TO toban_web;
GRANT EXECUTE ON FUNCTION ledger.unsigned_erasures(), ledger.signed_erasures(timestamptz), ledger.sign_erasure(uuid, text, uuid, text),
    ledger.erase_again(uuid, text, uuid, text, timestamptz, text) TO toban_audit;
RESET ROLE;
