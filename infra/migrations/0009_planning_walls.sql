-- What decides about a tenant's servers changes only while the operation that a person confirmed is being applied: such an
-- operation is RUNNING inside the transaction that confirms it and never again, so that none can be used twice (ADR 9).
-- Drafts may change freely.

CREATE FUNCTION infra_refuse(p_table text, p_id text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    RAISE EXCEPTION '% %: changed only by a confirmed operation', p_table, p_id USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Rows that a confirmed operation of one of these kinds writes and takes away. Rows that name their operation name this one.
CREATE FUNCTION infra_guard_confirmed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_row jsonb := to_jsonb(coalesce(NEW, OLD));
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = (v_row ->> 'tenant_id')::uuid AND o.state = 'RUNNING' AND o.kind = ANY (TG_ARGV)
          AND (TG_OP = 'DELETE' OR NOT v_row ? 'operation' OR v_row ->> 'operation' = o.id::text)
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, v_row ->> 'id');
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;

-- Which revision is in force, on whose word, and whether the schedule is there at all. A name that tags may give stays.
CREATE FUNCTION infra_guard_schedule() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.name <> OLD.name AND OLD.current IS NOT NULL THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, NEW.id::text);
    END IF;
    IF (NEW.current, NEW.published_operation, NEW.published_by_id, NEW.published_by_name, NEW.published_at)
       IS DISTINCT FROM
       (OLD.current, coalesce(OLD.published_operation, ''), coalesce(OLD.published_by_id, ''),
        coalesce(OLD.published_by_name, ''), OLD.published_at)
       AND NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o JOIN public.infra_revision r ON r.tenant_id = o.tenant_id
        WHERE o.id::text = NEW.published_operation AND o.tenant_id = NEW.tenant_id AND o.kind = 'schedule.publish'
          AND o.target_id = NEW.id::text AND o.state = 'RUNNING' AND o.parameters ->> 'revision' = NEW.current::text
          AND (o.confirmed_by_id, o.confirmed_by_name) = (NEW.published_by_id, NEW.published_by_name)
          AND r.id = NEW.current AND r.schedule_id = NEW.id AND r.published_at IS NOT NULL
          AND r.content = o.parameters -> 'content'
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, NEW.id::text);
    END IF;
    IF NEW.archived_at IS DISTINCT FROM OLD.archived_at AND NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.state = 'RUNNING' AND o.target_id = NEW.id::text
          AND o.kind = CASE WHEN NEW.archived_at IS NULL THEN 'schedule.restore' ELSE 'schedule.archive' END
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, NEW.id::text);
    END IF;
    RETURN NEW;
END
$$;

-- A draft changes freely; what was published never does; it becomes published with exactly the content that was confirmed.
CREATE FUNCTION infra_guard_revision() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.published_at IS NOT NULL THEN
        RAISE EXCEPTION 'revision %: what was published does not change', OLD.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.published_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.kind = 'schedule.publish' AND o.state = 'RUNNING'
          AND o.target_id = NEW.schedule_id::text AND o.parameters ->> 'revision' = NEW.id::text
          AND o.parameters -> 'content' = NEW.content AND o.parameters ->> 'digest' = NEW.digest
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, NEW.id::text);
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;

CREATE FUNCTION infra_guard_assignment() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    v_row public.infra_assignment := coalesce(NEW, OLD);
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = v_row.tenant_id AND o.kind = 'schedule.assign' AND o.state = 'RUNNING'
          AND o.parameters ->> 'scope' = v_row.scope
          AND o.parameters ->> 'key' = coalesce(v_row.resource_id::text, v_row.project)
          AND o.parameters ->> 'schedule' = CASE WHEN TG_OP = 'DELETE' THEN '' ELSE v_row.schedule_id::text END
          AND (TG_OP = 'DELETE' OR (v_row.operation, v_row.confirmed_by_id, v_row.confirmed_by_name)
                                   = (o.id::text, o.confirmed_by_id, o.confirmed_by_name))
          AND (TG_OP <> 'UPDATE' OR (OLD.scope, OLD.resource_id, OLD.project) IS NOT DISTINCT FROM
                                    (NEW.scope, NEW.resource_id, NEW.project))
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, v_row.id::text);
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$;

-- An override begins as it was confirmed, and of one that holds nothing changes but that it ends.
CREATE FUNCTION infra_guard_override() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.id::text = NEW.operation AND o.state = 'RUNNING'
          AND o.kind = CASE WHEN NEW.kind = 'freeze' THEN 'freeze.set' ELSE 'override.set' END
          AND (o.parameters ->> 'kind', o.parameters ->> 'wish', o.parameters ->> 'scope', o.parameters ->> 'project')
              = (NEW.kind, NEW.wish, NEW.scope, NEW.project)
          AND o.parameters ->> 'schedule' = coalesce(NEW.schedule_id::text, '')
          AND (NEW.resource_id IS NULL) = (NEW.scope <> 'resource')
          AND (NEW.resource_id IS NULL OR o.parameters -> 'resources' ? NEW.resource_id::text)
          AND (o.parameters ->> 'until')::timestamptz = NEW.until AND NEW.ended_at IS NULL
          AND (o.confirmed_by_id, o.confirmed_by_name) = (NEW.confirmed_by_id, NEW.confirmed_by_name)
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, NEW.id::text);
    END IF;
    IF TG_OP = 'UPDATE' AND (
        (to_jsonb(NEW) - 'ended_at' - 'ended_by_name') <> (to_jsonb(OLD) - 'ended_at' - 'ended_by_name')
        OR OLD.ended_at IS NOT NULL
        OR NOT EXISTS (
            SELECT 1 FROM public.medical_audit_operation o
            WHERE o.tenant_id = NEW.tenant_id AND o.state = 'RUNNING' AND o.parameters ->> 'operation' = OLD.operation
              AND o.kind = CASE WHEN OLD.kind = 'freeze' THEN 'freeze.end' ELSE 'override.end' END
              AND o.confirmed_by_name = NEW.ended_by_name
        )
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, NEW.id::text);
    END IF;
    RETURN NEW;
END
$$;

-- A round is released by the person who confirmed it, while he does; what it holds is the scheduler's alone (its grants).
CREATE FUNCTION infra_guard_release() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.id::text = NEW.operation AND o.kind = 'round.release' AND o.state = 'RUNNING'
          AND (o.confirmed_by_id, o.confirmed_by_name) = (NEW.released_by_id, NEW.released_by_name)
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, NEW.id::text);
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION infra_guard_rules() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.id::text = NEW.operation AND o.kind = 'rules.change' AND o.state = 'RUNNING'
          AND o.parameters -> 'brake_percent' = coalesce(to_jsonb(NEW.brake_percent), 'null'::jsonb)
          AND o.parameters -> 'brake_least' = to_jsonb(NEW.brake_least)
    ) THEN
        PERFORM public.infra_refuse(TG_TABLE_NAME, NEW.id::text);
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER guard_schedule BEFORE INSERT OR UPDATE ON infra_namedschedule
    FOR EACH ROW EXECUTE FUNCTION infra_guard_schedule();
CREATE TRIGGER guard_revision BEFORE INSERT OR UPDATE OR DELETE ON infra_revision
    FOR EACH ROW EXECUTE FUNCTION infra_guard_revision();
CREATE TRIGGER guard_assignment BEFORE INSERT OR UPDATE OR DELETE ON infra_assignment
    FOR EACH ROW EXECUTE FUNCTION infra_guard_assignment();
CREATE TRIGGER guard_override BEFORE INSERT OR UPDATE ON infra_override
    FOR EACH ROW EXECUTE FUNCTION infra_guard_override();
CREATE TRIGGER guard_release BEFORE UPDATE OF released_at, released_by_id, released_by_name ON infra_heldround
    FOR EACH ROW EXECUTE FUNCTION infra_guard_release();
CREATE TRIGGER guard_rules BEFORE INSERT OR UPDATE ON infra_tenantrules
    FOR EACH ROW EXECUTE FUNCTION infra_guard_rules();
CREATE TRIGGER guard_closure BEFORE INSERT OR UPDATE OR DELETE ON infra_closure
    FOR EACH ROW EXECUTE FUNCTION infra_guard_confirmed('calendar.change', 'calendar.set');
CREATE TRIGGER guard_company_day BEFORE INSERT OR UPDATE OR DELETE ON infra_companyday
    FOR EACH ROW EXECUTE FUNCTION infra_guard_confirmed('calendar.change', 'calendar.set');
CREATE TRIGGER guard_price BEFORE INSERT OR UPDATE OR DELETE ON infra_price
    FOR EACH ROW EXECUTE FUNCTION infra_guard_confirmed('price.change');
-- A list that comes into force does so with an event about it, and never changes its days.
CREATE CONSTRAINT TRIGGER recorded AFTER INSERT ON infra_holidaylist DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger.require_event_about('holiday_list', 'id', 'calendar.', 'operation.');
CREATE CONSTRAINT TRIGGER recorded_change AFTER UPDATE ON infra_holidaylist DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((NEW.state = 'adopted' AND OLD.state <> 'adopted')
                       OR (NEW.days, NEW.digest, NEW.source) IS DISTINCT FROM (OLD.days, OLD.digest, OLD.source))
    EXECUTE FUNCTION ledger.require_event_about('holiday_list', 'id', 'calendar.', 'operation.');
