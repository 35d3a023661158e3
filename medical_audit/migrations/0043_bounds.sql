-- No single row ends verdicts, bundles or people for good; a month that is made holds up nobody.
SET LOCAL ROLE toban_ledger;

-- No event is longer than verifiers read: four million bytes a line of a bundle, in which a body may be thrice as long.
ALTER TABLE ledger.event ADD CONSTRAINT verifiers_read_it CHECK (octet_length(body) <= 1000000) NOT VALID;

-- As before, for what can be a stamp: of a seal that is there, of its time, over its note. That the authority signed it only the sealer
-- and the verifiers can judge (docs/ledger.md).
CREATE OR REPLACE FUNCTION ledger.keep_stamp(p_number bigint, p_at timestamptz, p_authority text, p_token bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM FROM ONLY ledger.checkpoint c
    WHERE c.number = p_number AND p_at BETWEEN c.at - interval '5 minutes' AND c.at + interval '5 minutes'
      AND length(p_authority) BETWEEN 1 AND 2000 AND octet_length(p_token) BETWEEN 100 AND 100000
      AND get_byte(p_token, 0) = 48 AND position(c.hash IN p_token) > 0;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'ledger.keep_stamp: this is no stamp of seal %', p_number USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO ledger.stamp (number, at, authority, token) VALUES (p_number, p_at, p_authority, p_token)
    ON CONFLICT (number) DO NOTHING;
    RETURN FOUND;
END
$$;

-- As before; an epoch lies at most as far ahead as restores may have been lost with the rows that told of them, so that no row uses up
-- the numbers that a statement can bear.
CREATE OR REPLACE FUNCTION ledger.accept_restore(p_epoch bigint, p_old bigint, p_new bigint, p_note text, p_tenants uuid[],
    p_firsts bigint[], p_lasts bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_epoch bigint := coalesce((SELECT max(epoch) FROM ledger.restore), 0);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger.seal', 0));
    IF p_new <> coalesce((SELECT max(number) FROM ledger.checkpoint), 0) OR p_epoch <= v_epoch THEN
        RAISE EXCEPTION 'ledger.accept_restore: the record does not end at seal %, or epoch % was there before', p_new, p_epoch
            USING ERRCODE = 'check_violation';
    END IF;
    IF p_epoch > v_epoch + 100 THEN
        RAISE EXCEPTION 'ledger.accept_restore: epoch % is too far behind epoch %', p_epoch, v_epoch USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO ledger.restore (epoch, old, new, note, hash)
    VALUES (p_epoch, p_old, p_new, p_note, sha256(convert_to(p_note, 'UTF8')));
    INSERT INTO ledger.loss (tenant_id, epoch, first_seq, last_seq)
    SELECT tenant_id, p_epoch, first_seq, last_seq FROM unnest(p_tenants, p_firsts, p_lasts) AS lost (tenant_id, first_seq, last_seq);
END
$$;

-- As before, for what looks like a key (medical_audit/sealing.py): a nonce, the key as text, the seal. One that looks so and opens
-- with nothing is exchanged by `reseal`, because nothing is under it.
CREATE OR REPLACE FUNCTION ledger.keep_person(p_tenant uuid, p_person text, p_sealed text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    v_sealed text;
BEGIN
    PERFORM ledger.check_bound(p_tenant);
    IF p_sealed !~ '^v1:[^:]{1,100}:[A-Za-z0-9+/]{96}$' THEN
        RAISE EXCEPTION 'ledger.keep_person: this is no sealed key' USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO ledger.person_key (tenant_id, person, sealed) VALUES (p_tenant, p_person, p_sealed) ON CONFLICT DO NOTHING;
    SELECT k.sealed INTO v_sealed FROM ledger.person_key k WHERE k.tenant_id = p_tenant AND k.person = p_person;
    RETURN v_sealed;
END
$$;

-- As before, for three years at most, and four times a day: each one is an event that every verifier reads.
CREATE OR REPLACE FUNCTION ledger.announce_partitions(p_months int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    IF p_months > 36 THEN
        RAISE EXCEPTION 'months are made 36 ahead at most, not %', p_months USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM ledger.missing_partitions(p_months)) OR (
        SELECT count(*) FROM ONLY ledger.maintenance m WHERE m.db_user = session_user AND m.reason = 'partitions'
          AND m.until > '-infinity' AND m.at > clock_timestamp() - interval '1 day') >= 4 THEN
        RETURN false;
    END IF;
    PERFORM ledger.open_maintenance('partitions', interval '5 minutes');
    RETURN true;
END
$$;

-- As before; a month is made beside the ledger and then attached, which lets others read and write meanwhile. Made as its partition at
-- once it would wait for every reader, and everybody else for it. Who holds the table otherwise is not waited for.
CREATE OR REPLACE FUNCTION ledger.ensure_partitions(p_months int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '2s'
AS $$
DECLARE
    v_month date;
    v_name text;
    v_made int := 0;
BEGIN
    IF p_months > 36 THEN
        RAISE EXCEPTION 'months are made 36 ahead at most, not %', p_months USING ERRCODE = 'check_violation';
    END IF;
    FOR v_month IN SELECT * FROM ledger.missing_partitions(p_months) LOOP
        v_name := 'event_' || to_char(v_month, 'YYYY_MM');
        EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.event INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS)', v_name);
        EXECUTE format('ALTER TABLE ledger.%I ENABLE ROW LEVEL SECURITY', v_name);
        EXECUTE format('ALTER TABLE ledger.%I FORCE ROW LEVEL SECURITY', v_name);
        EXECUTE format('ALTER TABLE ledger.event ATTACH PARTITION ledger.%I FOR VALUES FROM (%L) TO (%L)', v_name,
            v_month::timestamp AT TIME ZONE 'UTC', (v_month + interval '1 month') AT TIME ZONE 'UTC');
        PERFORM ledger.guard(('ledger.' || v_name)::regclass);
        v_made := v_made + 1;
    END LOOP;
    IF v_made > 0 THEN
        PERFORM ledger.close_maintenance();
    END IF;
    RETURN v_made;
END
$$;
RESET ROLE;
