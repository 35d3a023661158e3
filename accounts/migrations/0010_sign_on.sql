-- Who may vouch for a tenant's people is decided by two: a provider comes and changes only while the operation about it is
-- being applied, inside the transaction that confirms it. It never moves to another tenant and is never deleted.
CREATE FUNCTION accounts_guard_sign_on() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'sealed' = to_jsonb(OLD) - 'sealed' THEN
        RETURN NEW;  -- the same secret under another key
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.state = 'RUNNING' AND o.id::text = NEW.operation
          AND o.target_id = NEW.id::text AND o.confirmed_by_id <> o.entered_by_id
          AND o.kind = ANY (CASE TG_OP WHEN 'INSERT' THEN ARRAY['sign_on.set'] ELSE ARRAY['sign_on.set', 'sign_on.switch'] END)
    ) THEN
        RAISE EXCEPTION 'provider %: changed only by a confirmed operation', NEW.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_sign_on BEFORE INSERT OR UPDATE ON accounts_signonprovider
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_sign_on();
