import django.db.models.deletion
import uuid
from django.db import migrations, models

from medical_audit.walls import Recorded, Walls

READ, FULL = "SELECT", "SELECT, INSERT, UPDATE, DELETE"
#: What whoever sends finds out; everything else about a receiver was confirmed, or is a person's own choice.
SEEN = ("problem", "problem_since", "sent_at")

QUEUE = """
GRANT SELECT (tenant_id, state) ON accounts_channel TO toban_queue;
CREATE POLICY queue_reader ON accounts_channel FOR SELECT TO toban_queue USING (true);
SET LOCAL ROLE toban_queue;
-- Tenants whose events go outside.
CREATE FUNCTION queue.channel_tenants() RETURNS TABLE (tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$
    SELECT DISTINCT c.tenant_id FROM public.accounts_channel c WHERE c.state = 'active' ORDER BY 1
$$;
REVOKE EXECUTE ON FUNCTION queue.channel_tenants() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.channel_tenants() TO toban_worker, toban_scheduler;
RESET ROLE;
"""

#: A tenant's receiver becomes active or another one only while the operation that says so is being applied: such an operation
#: is RUNNING inside the transaction that confirms it and never again. A person's own is a chat, and stays his.
GUARD = """
CREATE FUNCTION accounts_guard_channel() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.person_id <> NEW.person_id OR OLD.kind <> NEW.kind OR OLD.state = 'ended' AND NEW.state <> 'ended') THEN
        RAISE EXCEPTION 'channel %: whose it is, what it is and its end stay', NEW.id USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.state <> 'active' OR (NEW.person_id <> '' AND NEW.kind IN ('slack', 'teams')) OR (
        TG_OP = 'UPDATE' AND OLD.state = 'active'
        AND (NEW.name, NEW.url, NEW.host, NEW.wanted, NEW.language, NEW.from_seq, NEW.operation, NEW.confirmed_by_name)
            IS NOT DISTINCT FROM
            (OLD.name, OLD.url, OLD.host, OLD.wanted, OLD.language, OLD.from_seq, OLD.operation, OLD.confirmed_by_name)
    ) OR EXISTS (
        SELECT 1 FROM public.medical_audit_operation o
        WHERE o.id::text = NEW.operation AND o.tenant_id = NEW.tenant_id AND o.kind IN ('channel.open', 'channel.change')
          AND o.target_id = NEW.id::text AND o.state = 'RUNNING' AND o.confirmed_by_name = NEW.confirmed_by_name
          AND o.parameters ->> 'url' = NEW.url AND o.parameters ->> 'host' = NEW.host AND o.parameters -> 'wanted' = NEW.wanted
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'channel %: events go there only by a confirmed operation', NEW.id USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER guard_channel BEFORE INSERT OR UPDATE ON accounts_channel
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_channel();
"""


class Migration(migrations.Migration):
    """Where events go outside: walls round it, and the secrets kept from the scheduler and the audit."""

    dependencies = [
        ('accounts', '0007_passkeys'),
    ]

    operations = [
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('tenant_id', models.UUIDField(editable=False)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=7)),
                ('name', models.CharField(max_length=60)),
                ('url', models.CharField(blank=True, max_length=1000)),
                ('host', models.CharField(max_length=260)),
                ('wanted', models.JSONField(default=list)),
                ('language', models.CharField(default='ja', max_length=5)),
                ('person_id', models.CharField(blank=True, max_length=64)),
                ('person_name', models.CharField(blank=True, max_length=200)),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('active', 'Active'), ('ended', 'Ended')], default='draft', max_length=6)),
                ('operation', models.CharField(blank=True, max_length=36)),
                ('confirmed_by_name', models.CharField(blank=True, max_length=200)),
                ('from_seq', models.BigIntegerField(default=0)),
                ('made_at', models.DateTimeField()),
                ('problem', models.CharField(blank=True, max_length=40)),
                ('problem_since', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(null=True)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'active'), models.Q(('person_id', ''), _negated=True)), fields=('tenant_id', 'person_id', 'kind'), name='channel_of_person_once')],
            },
        ),
        migrations.CreateModel(
            name='ChannelCursor',
            fields=[
                ('tenant_id', models.UUIDField(editable=False)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('seq', models.BigIntegerField()),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant_id',), name='channels_followed_once')],
            },
        ),
        migrations.CreateModel(
            name='ChannelSecret',
            fields=[
                ('tenant_id', models.UUIDField(editable=False)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('sealed', models.TextField()),
                ('fingerprint', models.CharField(max_length=16)),
                ('live', models.BooleanField(default=False)),
                ('made_at', models.DateTimeField()),
                ('until', models.DateTimeField(null=True)),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='secrets', to='accounts.channel')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Dispatch',
            fields=[
                ('tenant_id', models.UUIDField(editable=False)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('seq', models.BigIntegerField()),
                ('event_id', models.UUIDField()),
                ('event_kind', models.CharField(max_length=80)),
                ('items', models.IntegerField(default=1)),
                ('body', models.TextField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('trying', 'Trying'), ('done', 'Done'), ('dropped', 'Dropped'), ('dead', 'Dead')], default='waiting', max_length=7)),
                ('attempts', models.IntegerField(default=0)),
                ('next_at', models.DateTimeField()),
                ('status', models.IntegerField(null=True)),
                ('latency_ms', models.IntegerField(null=True)),
                ('outcome', models.CharField(blank=True, max_length=40)),
                ('detail', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField()),
                ('tried_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='dispatches', to='accounts.channel')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'trying'])), fields=['channel', 'next_at'], name='dispatch_due'), models.Index(fields=['tenant_id', 'channel', '-created_at', '-id'], name='dispatch_recent')],
                'constraints': [models.UniqueConstraint(fields=('channel', 'event_id'), name='dispatch_once')],
            },
        ),
        Walls(
            "channel",
            grants={
                "toban_web": "SELECT, INSERT, UPDATE",
                "toban_worker": f"SELECT, UPDATE ({', '.join(SEEN)})",
                "toban_audit": READ,
            },
        ),
        Walls("channelsecret", grants={"toban_web": FULL, "toban_worker": "SELECT, UPDATE (sealed)"}),
        Walls("channelcursor", grants={"toban_worker": "SELECT, INSERT, UPDATE", "toban_audit": READ}),
        Walls("dispatch", grants={"toban_web": "SELECT, UPDATE", "toban_worker": FULL, "toban_audit": READ}),
        Recorded("channel", subject="channel", column="id", kinds=("channel.", "operation."), besides=SEEN),
        Recorded("channelsecret", subject="channel", column="channel_id", kinds=("channel.", "operation.")),
        migrations.RunSQL(GUARD),
        migrations.RunSQL(QUEUE),
    ]
