-- What nobody known typed or sent has no person who leaves: its key, one a year, goes a year after that year's end (ADR 19).
GRANT SELECT (day) ON medical_audit_failedsignin TO toban_ledger;
SET LOCAL ROLE toban_ledger;

-- When the key of what strangers sent goes; NULL for a person's key. The one without a year is of before there were years.
CREATE FUNCTION ledger.stranger_ends(p_person text, p_made timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT CASE WHEN p_person ~ '^stranger(-[0-9]{4})?$' THEN make_timestamptz(2 + coalesce(
        substring(p_person FROM '[0-9]{4}$'), to_char(p_made AT TIME ZONE 'Asia/Tokyo', 'YYYY'))::int, 1, 1, 0, 0, 0, 'Asia/Tokyo') END
$$;

CREATE FUNCTION ledger.overdue_strangers() RETURNS TABLE (tenant_id uuid, person text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT k.tenant_id, k.person FROM ledger.person_key k
    WHERE ledger.stranger_ends(k.person, k.made_at) <= clock_timestamp()
      AND NOT EXISTS (SELECT FROM public.medical_audit_retention r WHERE r.tenant_id = k.tenant_id AND r.hold <> '')
    ORDER BY k.tenant_id, k.person LIMIT 100
$$;

-- Leaves an erasure like every other, which is signed and goes to the anchors.
CREATE FUNCTION ledger.forget_stranger(p_tenant uuid, p_person text, p_operation uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_key text;
    v_count bigint;
BEGIN
    PERFORM ledger.check_bound(p_tenant);
    IF NOT EXISTS (SELECT FROM ledger.overdue_strangers() o WHERE o.tenant_id = p_tenant AND o.person = p_person) THEN
        RAISE EXCEPTION '% is nothing that goes by itself now', p_person USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT encode(sha256(convert_to(k.sealed, 'UTF8')), 'hex') INTO v_key FROM ledger.person_key k
    WHERE k.tenant_id = p_tenant AND k.person = p_person FOR UPDATE;
    DELETE FROM ledger.person_value v WHERE v.tenant_id = p_tenant AND v.person = p_person;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    DELETE FROM ledger.person_key k WHERE k.tenant_id = p_tenant AND k.person = p_person;
    INSERT INTO ledger.erasure (tenant_id, person, operation, key_id, count) VALUES (p_tenant, p_person, p_operation, v_key, v_count);
    RETURN v_count;
END
$$;

CREATE OR REPLACE FUNCTION ledger.unsigned_erasures() RETURNS SETOF ledger.erasure
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT e.* FROM ledger.erasure e
    WHERE e.note = '' AND EXISTS (
        SELECT FROM ledger.event v WHERE v.txid = e.txid AND v.tenant_id = e.tenant_id AND v.kind IN ('person.erased', 'person.erased_unknown')
          AND v.subject_type = 'person' AND v.subject_id = e.person)
    ORDER BY e.at, e.person LIMIT 100
$$;

-- Counters of failed sign-ins, which bear addresses: nothing looks further back than a month.
CREATE FUNCTION ledger.forget_failures() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
AS $$
    WITH gone AS (DELETE FROM public.medical_audit_failedsignin f WHERE f.day < current_date - 366 RETURNING 1)
    SELECT count(*) FROM gone
$$;

-- A sentence without this name. In Latin letters it ends where the word ends: 'lee' is no part of 'asleep', nor of 'lee-2'.
-- Japanese has no such ends: what stands inside a longer name goes, too.
CREATE FUNCTION ledger.without_word(p_said text, p_text text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$
    SELECT regexp_replace(p_said,
        CASE WHEN p_text ~ '^[A-Za-z0-9]' THEN '(?<![A-Za-z0-9_.-])' ELSE '' END
        || regexp_replace(p_text, '[][*+?(){}^$|#.\\-]', '\\\&', 'g')
        || CASE WHEN p_text ~ '[A-Za-z0-9]$' THEN '(?![A-Za-z0-9_-]|\.[A-Za-z0-9])' ELSE '' END, '消去済み (erased)', 'g')
$$;

CREATE FUNCTION ledger.without(p_said jsonb, p_text text, p_inside boolean) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog
AS $$
BEGIN
    RETURN CASE jsonb_typeof(p_said)
        WHEN 'object' THEN (SELECT coalesce(jsonb_object_agg(key, ledger.without(value, p_text, p_inside)), '{}') FROM jsonb_each(p_said))
        WHEN 'array' THEN (SELECT coalesce(jsonb_agg(ledger.without(one.value, p_text, p_inside) ORDER BY one.place), '[]')
                           FROM jsonb_array_elements(p_said) WITH ORDINALITY AS one (value, place))
        WHEN 'string' THEN CASE
            WHEN p_said #>> '{}' = p_text THEN to_jsonb('消去済み (erased)'::text)
            WHEN p_inside THEN to_jsonb(ledger.without_word(p_said #>> '{}', p_text))
            ELSE p_said END
        ELSE p_said END;
END
$$;

-- JSON without this text where it is a whole value: what a key is called is nobody's name.
CREATE OR REPLACE FUNCTION ledger.without(p_said jsonb, p_text text) RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$ SELECT ledger.without(p_said, p_text, false) $$;

-- A text that is sent out without this one; what is sent is JSON, whose own words stay.
CREATE OR REPLACE FUNCTION ledger.without(p_said text, p_text text) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog
AS $$
BEGIN
    RETURN ledger.without(p_said::jsonb, p_text, true)::text;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN ledger.without_word(p_said, p_text);
END
$$;

REVOKE EXECUTE ON FUNCTION ledger.stranger_ends(text, timestamptz), ledger.overdue_strangers(), ledger.forget_stranger(uuid, text, uuid),
    ledger.forget_failures(), ledger.without(jsonb, text, boolean), ledger.without_word(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.overdue_strangers(), ledger.forget_stranger(uuid, text, uuid), ledger.forget_failures() TO toban_audit;
RESET ROLE;
