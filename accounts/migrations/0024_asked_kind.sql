-- As in 0019, and: the question says as what he would belong there, as the operation does.
CREATE OR REPLACE FUNCTION accounts_guard_admission() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
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
          AND coalesce(o.parameters -> 'terms', o.parameters) ->> 'kind' = NEW.kind
          AND nullif(coalesce(o.parameters -> 'terms', o.parameters) ->> 'ends_at', '')::timestamptz IS NOT DISTINCT FROM NEW.ends_at
    ) THEN
        RAISE EXCEPTION 'admission of %: asked for only by a confirmed operation', NEW.user_id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
