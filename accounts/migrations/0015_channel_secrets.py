from django.db import migrations

#: As the receiver's own (0008): of a chat the secret is the address, so that one which comes to be used without two people sends
#: the tenant's events to wherever it says. Only the worker, who seals them anew, changes what is sealed.
GUARD = """
REVOKE UPDATE ON accounts_channelsecret FROM toban_web;
GRANT UPDATE (live, until) ON accounts_channelsecret TO toban_web;
CREATE FUNCTION accounts_guard_secret() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'sealed' = to_jsonb(OLD) - 'sealed' THEN
        RETURN NEW;  -- the same secret under another key
    END IF;
    IF NOT NEW.live OR EXISTS (
        SELECT 1 FROM public.accounts_channel c
        WHERE c.id = NEW.channel_id AND c.tenant_id = NEW.tenant_id AND c.person_id <> ''
    ) OR EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.kind IN ('channel.open', 'channel.rotate') AND o.state = 'RUNNING'
          AND o.target_id = NEW.channel_id::text AND o.confirmed_by_id <> o.entered_by_id
          AND (o.parameters ->> 'fingerprint' = NEW.fingerprint OR TG_OP = 'UPDATE' AND OLD.live AND NEW.until IS NOT NULL)
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'secret of channel %: used only by a confirmed operation', NEW.channel_id
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER guard_secret BEFORE INSERT OR UPDATE ON accounts_channelsecret
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_secret();
"""


class Migration(migrations.Migration):
    """A receiver's secret is used only by a confirmed operation."""

    dependencies = [("accounts", "0014_erasable_links")]
    operations = [migrations.RunSQL(GUARD)]
