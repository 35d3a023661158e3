-- What a time-stamping authority (RFC 3161) said of a seal: its answer as it came. The answer proves itself by the
-- authority's signature; the table only keeps it. Written by a function only.
SET LOCAL ROLE toban_ledger;
CREATE TABLE ledger.stamp (
    number    bigint      PRIMARY KEY,
    at        timestamptz NOT NULL,
    authority text        NOT NULL,
    token     bytea       NOT NULL
);
SELECT ledger.guard('ledger.stamp'::regclass);

CREATE FUNCTION ledger.keep_stamp(p_number bigint, p_at timestamptz, p_authority text, p_token bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO ledger.stamp (number, at, authority, token) VALUES (p_number, p_at, p_authority, p_token)
    ON CONFLICT (number) DO NOTHING;
    RETURN FOUND;
END
$$;
GRANT SELECT ON ledger.stamp TO toban_web, toban_audit;
REVOKE EXECUTE ON FUNCTION ledger.keep_stamp(bigint, timestamptz, text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.keep_stamp(bigint, timestamptz, text, bytea) TO toban_audit;
RESET ROLE;
