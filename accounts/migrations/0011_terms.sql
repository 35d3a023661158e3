-- On what terms somebody belongs to a tenant changes only while the operation about that very person is being applied. That a
-- term is over is written down by the clock.
CREATE FUNCTION accounts_guard_terms() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.ends_at IS NOT NULL AND NEW.ended_at IS NOT NULL
        AND to_jsonb(NEW) - 'ended_at' = to_jsonb(OLD) - 'ended_at' THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.state = 'RUNNING' AND o.id::text = NEW.operation
          AND o.target_id = NEW.user_id::text AND o.confirmed_by_id NOT IN (o.target_id, o.entered_by_id)
          AND o.kind IN ('member.terms', 'member.invite', 'member.grant')
    ) THEN
        RAISE EXCEPTION 'terms of %: changed only by a confirmed operation', NEW.user_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_terms BEFORE INSERT OR UPDATE ON accounts_memberterms
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_terms();
-- A program's token is issued by two people, neither of whom is the program.
CREATE OR REPLACE FUNCTION accounts_guard_made() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.state = 'RUNNING' AND o.id::text = NEW.operation
          AND o.parameters ->> 'hashed' = NEW.hashed
          AND (o.kind = TG_ARGV[0]
               AND NEW.user_id::text = CASE TG_ARGV[0] WHEN 'token.make' THEN o.entered_by_id ELSE o.target_id END
               OR TG_ARGV[0] = 'token.make' AND o.kind = 'token.issue' AND o.target_id = NEW.user_id::text
                  AND o.confirmed_by_id NOT IN (o.target_id, o.entered_by_id))
    ) THEN
        RAISE EXCEPTION '% %: made only by a confirmed operation', TG_TABLE_NAME, NEW.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
-- Whose term is over loses his tokens in the same transaction in which the clock says so.
GRANT SELECT (tenant_id, id, user_id, name, ended_at), UPDATE (ended_at, ended_by_name) ON accounts_apitoken TO toban_scheduler;
