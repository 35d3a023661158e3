from django.db import migrations, models

from medical_audit.walls import APP_ROLES, READING, THIS_USER

#: One's own links over all tenants: a reissue opens nothing before each of them has decided it.
OWN = f"CREATE POLICY {READING} ON accounts_invitation FOR SELECT TO {', '.join(APP_ROLES)} USING (user_id = {THIS_USER});"
#: As in 0011, and: a link that gives an account anew is made by two people, neither of whom is its person.
GUARD = """
CREATE OR REPLACE FUNCTION accounts_guard_made() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.tenant_id = NEW.tenant_id AND o.state = 'RUNNING' AND o.id::text = NEW.operation
          AND o.parameters ->> 'hashed' = NEW.hashed
          AND (o.kind = TG_ARGV[0] AND coalesce(to_jsonb(NEW) ->> 'reissues', '') = ''
               AND NEW.user_id::text = CASE TG_ARGV[0] WHEN 'token.make' THEN o.entered_by_id ELSE o.target_id END
               OR TG_ARGV[0] = 'member.invite' AND o.kind = 'member.reissue' AND o.target_id = NEW.user_id::text
                  AND to_jsonb(NEW) ->> 'reissues' = o.parameters ->> 'reissues'
                  AND o.confirmed_by_id NOT IN (o.target_id, o.entered_by_id)
               OR TG_ARGV[0] = 'token.make' AND o.kind = 'token.issue' AND o.target_id = NEW.user_id::text
                  AND o.confirmed_by_id NOT IN (o.target_id, o.entered_by_id))
    ) THEN
        RAISE EXCEPTION '% %: made only by a confirmed operation', TG_TABLE_NAME, NEW.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
"""


class Migration(migrations.Migration):
    """Somebody who cannot come in any more gets his way in anew, by a link that every tenant of his has decided."""

    dependencies = [("accounts", "0015_channel_secrets")]
    operations = [
        migrations.AddField(
            model_name="invitation",
            name="reissues",
            field=models.CharField(
                blank=True, choices=[("password", "password"), ("everything", "everything")], default="", max_length=10
            ),
        ),
        migrations.RunSQL(OWN, elidable=False),
        migrations.RunSQL(GUARD, elidable=False),
    ]
