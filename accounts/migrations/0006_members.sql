-- A role comes and goes only while the operation about that very person is being applied: such an operation is RUNNING
-- inside the transaction that confirms it and never again. A tenant without any operation yet is being founded.
CREATE FUNCTION accounts_guard_membership() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
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
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = v_row.tenant_id AND o.state = 'RUNNING' AND o.target_id = v_row.user_id::text
          AND o.confirmed_by_id NOT IN (o.target_id, o.entered_by_id)
          AND (o.kind = 'member.close' AND TG_OP = 'DELETE'
               OR o.parameters ->> 'role' = v_row.role
                  AND o.kind = ANY (CASE TG_OP WHEN 'DELETE' THEN ARRAY['member.revoke']
                                               ELSE ARRAY['member.invite', 'member.grant'] END))
    ) THEN
        RAISE EXCEPTION 'membership %: changed only by a confirmed operation', v_row.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN v_row;
END
$$;
CREATE TRIGGER guard_membership BEFORE INSERT OR UPDATE OR DELETE ON accounts_membership
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_membership();

CREATE FUNCTION accounts_guard_made() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.state = 'RUNNING' AND o.kind = TG_ARGV[0] AND o.id::text = NEW.operation
          AND o.parameters ->> 'hashed' = NEW.hashed
          AND NEW.user_id::text = CASE TG_ARGV[0] WHEN 'token.make' THEN o.entered_by_id ELSE o.target_id END
    ) THEN
        RAISE EXCEPTION '% %: made only by a confirmed operation', TG_TABLE_NAME, NEW.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_made BEFORE INSERT ON accounts_apitoken
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_made('token.make');
CREATE TRIGGER guard_made BEFORE INSERT ON accounts_invitation
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_made('member.invite');
