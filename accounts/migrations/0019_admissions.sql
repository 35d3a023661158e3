-- A tenant asks somebody only as a confirmed operation about him says, and he answers once.
CREATE FUNCTION accounts_guard_admission() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.answer <> 'open' OR NEW.answer = 'open' OR NEW.answered_at IS NULL THEN
            RAISE EXCEPTION 'admission %: answered once', OLD.id USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.answer <> 'open' OR NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.state = 'RUNNING' AND o.id::text = NEW.operation
          AND o.target_id = NEW.user_id::text AND o.confirmed_by_id NOT IN (o.target_id, o.entered_by_id)
          AND (o.kind = 'member.grant' AND o.parameters ? 'terms' AND o.parameters ->> 'role' = NEW.role
               OR o.kind = 'member.terms' AND NEW.role = '')
          AND nullif(coalesce(o.parameters -> 'terms', o.parameters) ->> 'ends_at', '')::timestamptz IS NOT DISTINCT FROM NEW.ends_at
    ) THEN
        RAISE EXCEPTION 'admission of %: asked for only by a confirmed operation', NEW.user_id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_admission BEFORE INSERT OR UPDATE ON accounts_admission
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_admission();

-- As in 0006, and: what was decided about somebody of another house gives him a role only with his own answer.
CREATE OR REPLACE FUNCTION accounts_guard_membership() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_row public.accounts_membership := coalesce(NEW, OLD);
BEGIN
    IF NOT EXISTS (SELECT 1 FROM public.medical_audit_operation o WHERE o.tenant_id = v_row.tenant_id) THEN
        RETURN v_row;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'membership %: a role is given or taken, never changed', OLD.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'INSERT' AND EXISTS (
        SELECT 1 FROM public.accounts_admission a
        WHERE a.tenant_id = v_row.tenant_id AND a.user_id = v_row.user_id AND a.role = v_row.role
          AND a.answer = 'accepted' AND a.answered_at = v_row.granted_at
    ) THEN
        RETURN v_row;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = v_row.tenant_id AND o.state = 'RUNNING' AND o.target_id = v_row.user_id::text
          AND o.confirmed_by_id NOT IN (o.target_id, o.entered_by_id)
          AND (o.kind = 'member.close' AND TG_OP = 'DELETE'
               OR o.parameters ->> 'role' = v_row.role
                  AND (TG_OP = 'DELETE' AND o.kind = 'member.revoke'
                       OR TG_OP = 'INSERT' AND o.kind = 'member.invite'
                       OR TG_OP = 'INSERT' AND o.kind = 'member.grant' AND NOT o.parameters ? 'terms'))
    ) THEN
        RAISE EXCEPTION 'membership %: changed only by a confirmed operation', v_row.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN v_row;
END
$$;

-- As in 0011, and: terms that somebody agreed to hold with his answer, as the operation says that two people confirmed.
CREATE OR REPLACE FUNCTION accounts_guard_terms() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.ends_at IS NOT NULL AND NEW.ended_at IS NOT NULL
        AND to_jsonb(NEW) - 'ended_at' = to_jsonb(OLD) - 'ended_at' THEN
        RETURN NEW;
    END IF;
    IF EXISTS (
        SELECT 1 FROM public.accounts_admission a
        JOIN public.medical_audit_operation o ON o.tenant_id = a.tenant_id AND o.id::text = a.operation
        WHERE a.tenant_id = NEW.tenant_id AND a.user_id = NEW.user_id AND a.operation = NEW.operation
          AND a.answer = 'accepted' AND a.answered_at = NEW.changed_at AND a.ends_at IS NOT DISTINCT FROM NEW.ends_at
          AND o.state = 'SUCCEEDED' AND coalesce(o.parameters -> 'terms', o.parameters) ->> 'kind' = NEW.kind
    ) THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.state = 'RUNNING' AND o.id::text = NEW.operation
          AND o.target_id = NEW.user_id::text AND o.confirmed_by_id NOT IN (o.target_id, o.entered_by_id)
          AND (o.kind IN ('member.terms', 'member.invite') OR o.kind = 'member.grant' AND NOT o.parameters ? 'terms')
    ) THEN
        RAISE EXCEPTION 'terms of %: changed only by a confirmed operation', NEW.user_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
