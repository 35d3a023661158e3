-- What only guards and sealer say of themselves, nobody else says.
SET LOCAL ROLE toban_ledger;

-- A change of the guards is excused by what its own function writes, a silence by what the sealer records. No role puts such a
-- word into the platform's chain by hand: it would excuse what comes after it, or be one that no verifier can read.
CREATE OR REPLACE FUNCTION ledger.log(p_tenant uuid, p_bodies text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    IF p_tenant IS DISTINCT FROM current_setting('toban.tenant_id')::uuid THEN
        RAISE EXCEPTION 'ledger.log: events of tenant % written while another tenant is bound', p_tenant
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF p_tenant = '00000000-0000-0000-0000-000000000000' AND EXISTS (
        SELECT FROM unnest(p_bodies) AS given (body) WHERE body::jsonb ->> 'kind' IN ('ledger.catalogue_changed', 'ledger.maintenance_opened')
            OR (body::jsonb ->> 'kind' = 'ledger.sealing_resumed' AND session_user <> 'toban_audit')) THEN
        RAISE EXCEPTION 'ledger.log: % does not say what excuses a seal', session_user USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO ledger.event (tenant_id, body)
    SELECT p_tenant, body FROM unnest(p_bodies) WITH ORDINALITY AS given (body, place) ORDER BY place;
END
$$;

-- As before; what looks like JSON and cannot be kept as such (NUL, a number beyond all bounds) is a sentence: people write notes, and
-- none of them keeps anybody from being erased.
CREATE OR REPLACE FUNCTION ledger.without(p_said text, p_text text) RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog
AS $$
BEGIN
    RETURN ledger.without(p_said::jsonb, p_text, true)::text;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN ledger.without_word(p_said, p_text);
END
$$;
RESET ROLE;
