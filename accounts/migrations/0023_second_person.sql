-- An account that is nobody's own (a program's, a shared one, an envelope) is no person, so it is no second one; and what it entered
-- was entered by whoever has it in hand: who was shown a token of it that had not ended by then, who asked for its envelope or was
-- shown the last way into it, who answers for it.
-- People.in_hands_of asks it, too, before anything is confirmed or judged.
CREATE FUNCTION accounts_in_hands(p_tenant uuid, p_account text, p_person text, p_since timestamptz) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog
AS $$
    SELECT EXISTS (
        SELECT FROM public.medical_audit_operation o
        WHERE o.tenant_id = p_tenant AND o.target_type = 'user' AND o.target_id = p_account AND o.entered_by_id = p_person
          AND o.state = 'SUCCEEDED'
          AND (o.kind = 'token.issue' AND EXISTS (
              SELECT FROM public.accounts_apitoken k
              WHERE k.tenant_id = p_tenant AND k.operation = o.id::text AND least(k.ended_at, k.expires_at) > p_since)
          OR o.kind = 'emergency.open' AND EXISTS (
              SELECT FROM public.accounts_memberterms t
              WHERE t.tenant_id = p_tenant AND t.user_id::text = p_account AND t.kind = 'emergency')))
    OR EXISTS (
        SELECT FROM public.accounts_memberterms t
        WHERE t.tenant_id = p_tenant AND t.user_id::text = p_account AND t.kind = 'emergency' AND p_person = (
            SELECT o.entered_by_id FROM public.medical_audit_operation o
            WHERE o.tenant_id = p_tenant AND o.target_type = 'user' AND o.target_id = p_account AND o.state = 'SUCCEEDED'
              AND o.kind IN ('member.invite', 'member.reissue')
            ORDER BY o.finished_at DESC, o.id DESC LIMIT 1))
    OR EXISTS (
        SELECT FROM public.accounts_memberterms t
        WHERE t.tenant_id = p_tenant AND t.user_id::text = p_account AND t.holder_id = p_person
          AND t.kind IN ('machine', 'shared', 'emergency'))
$$;

-- Who tells people what waits for them asks it, too.
GRANT SELECT (tenant_id, operation, ended_at, expires_at) ON accounts_apitoken TO toban_worker;

-- `p_alone`: nobody asks for a second person, so that an opened envelope may confirm what the emergency right lets it do.
CREATE FUNCTION accounts_refuse_no_person(
    p_tenant uuid, p_operation uuid, p_account text, p_entered_at timestamptz, p_person text, p_alone boolean)
RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog
AS $$
BEGIN
    IF public.accounts_in_hands(p_tenant, p_account, p_person, p_entered_at) OR EXISTS (
        SELECT FROM public.accounts_memberterms t
        WHERE t.tenant_id = p_tenant AND t.user_id::text = p_person
          AND (t.kind IN ('machine', 'shared') OR t.kind = 'emergency' AND NOT p_alone)) THEN
        RAISE EXCEPTION 'operation %: % is no second person', p_operation, p_person USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

CREATE FUNCTION accounts_guard_confirmed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM public.accounts_refuse_no_person(NEW.tenant_id, NEW.id, NEW.entered_by_id, NEW.entered_at, NEW.confirmed_by_id,
        NEW.policy = 'self' AND NEW.on_behalf_of_id = '');
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_second_person BEFORE UPDATE ON medical_audit_operation
    FOR EACH ROW WHEN (OLD.state = 'ENTERED' AND NEW.state = 'CONFIRMED') EXECUTE FUNCTION accounts_guard_confirmed();

CREATE FUNCTION accounts_guard_half_confirmed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM public.accounts_refuse_no_person(NEW.tenant_id, o.id, o.entered_by_id, o.entered_at, NEW.person_id, false)
    FROM public.medical_audit_operation o WHERE o.tenant_id = NEW.tenant_id AND o.id = NEW.operation;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_second_person BEFORE INSERT ON medical_audit_confirmation
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_half_confirmed();
