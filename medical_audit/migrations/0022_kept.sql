-- No single role destroys what can be read of people, and one tenant's erasure leaves what another one still needs (ADR 19).
GRANT SELECT (user_agent), UPDATE (user_agent) ON medical_audit_session TO toban_ledger;
SET LOCAL ROLE toban_ledger;

UPDATE ledger.person_column SET columns = columns || 'user_agent'::text
WHERE relation = 'public.medical_audit_session' AND person = 'user_id';

-- What a key was sealed as before. The database cannot tell a key from rubbish, so nothing that was there is thrown away but by an
-- erasure: who may put a key under another of TOBAN_SECRETS_KEYS cannot destroy it so.
ALTER TABLE ledger.person_key ADD COLUMN former text[] NOT NULL DEFAULT '{}';

CREATE OR REPLACE FUNCTION ledger.reseal_person(p_tenant uuid, p_person text, p_before text, p_after text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM ledger.check_bound(p_tenant);
    UPDATE ledger.person_key k SET sealed = p_after, former = array_prepend(p_before, k.former)
    WHERE k.tenant_id = p_tenant AND k.person = p_person AND k.sealed = p_before;
    RETURN FOUND;
END
$$;

-- Whoever destroys a key, two people or the sealer after a restore: the person's own chain says so.
CREATE CONSTRAINT TRIGGER told AFTER DELETE ON ledger.person_key DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger.require_event_about('person', 'person', 'person.erased');
ALTER TABLE ledger.person_key ENABLE ALWAYS TRIGGER told;

-- Only what the chain itself tells is signed: a row that somebody put in here would otherwise destroy a key after a restore.
CREATE OR REPLACE FUNCTION ledger.unsigned_erasures() RETURNS SETOF ledger.erasure
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT e.* FROM ledger.erasure e
    WHERE e.note = '' AND EXISTS (
        SELECT FROM ledger.event v WHERE v.txid = e.txid AND v.tenant_id = e.tenant_id AND v.kind = 'person.erased'
          AND v.subject_type = 'person' AND v.subject_id = e.person)
    ORDER BY e.at, e.person LIMIT 100
$$;

-- `p_everywhere` holds only for the last tenant that can read him: another one's hold and term are not undone from here.
CREATE OR REPLACE FUNCTION ledger.erase_person(p_tenant uuid, p_person text, p_operation uuid, p_texts text[], p_everywhere boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_months int;
    v_hold text;
    v_last timestamptz;
    v_count bigint := 0;
    v_more bigint;
    v_tenant uuid;
    v_key text;
    v_platform CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    v_everywhere CONSTANT boolean := p_everywhere AND NOT EXISTS (
        SELECT FROM ledger.person_key k WHERE k.person = p_person AND k.tenant_id NOT IN (p_tenant, v_platform));
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
    FOREACH v_tenant IN ARRAY CASE WHEN v_everywhere THEN ARRAY[p_tenant, v_platform] ELSE ARRAY[p_tenant] END LOOP
        SELECT encode(sha256(convert_to(k.sealed, 'UTF8')), 'hex') INTO v_key FROM ledger.person_key k
        WHERE k.tenant_id = v_tenant AND k.person = p_person FOR UPDATE;
        DELETE FROM ledger.person_value v WHERE v.tenant_id = v_tenant AND v.person = p_person;
        GET DIAGNOSTICS v_more = ROW_COUNT;
        DELETE FROM ledger.person_key k WHERE k.tenant_id = v_tenant AND k.person = p_person;
        INSERT INTO ledger.erasure (tenant_id, person, operation, key_id, count)
        VALUES (v_tenant, p_person, p_operation, coalesce(v_key, ''), v_more);
        v_count := v_count + v_more;
    END LOOP;
    RETURN v_count + ledger.erase_rows(p_tenant, p_person, p_texts, v_everywhere);
END
$$;
-- As before, but that what a provider calls him is exchanged for what no other row can have.
CREATE OR REPLACE FUNCTION ledger.erase_rows(p_tenant uuid, p_person text, p_texts text[], p_everywhere boolean) RETURNS bigint
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
            (SELECT string_agg(CASE WHEN one IN ('username', 'subject') THEN format('%I = ''erased-'' || $1', one)
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
RESET ROLE;
