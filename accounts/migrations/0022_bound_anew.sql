-- Whom a provider means is forgotten by two people, neither of whom he is: of one person, or of all where another provider is
-- entered. What has ended stays ended.
GRANT UPDATE (ended_at, ended_operation) ON accounts_signonlink TO toban_web;
CREATE FUNCTION accounts_guard_link() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.ended_at IS NULL AND NEW.ended_operation = '' THEN
            RETURN NEW;
        END IF;
    ELSIF (NEW.ended_at, NEW.ended_operation) IS NOT DISTINCT FROM (OLD.ended_at, OLD.ended_operation) THEN
        RETURN NEW;
    ELSIF OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.state = 'RUNNING' AND o.id::text = NEW.ended_operation
          AND o.confirmed_by_id <> o.entered_by_id
          AND (o.kind = 'sign_on.set'
               OR o.kind IN ('member.unbind', 'member.close') AND o.target_id = NEW.user_id::text AND o.confirmed_by_id <> o.target_id)
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'link %: ended only by a confirmed operation', NEW.id USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER guard_link BEFORE INSERT OR UPDATE ON accounts_signonlink
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_link();
