import uuid

import django.db.models.deletion
from django.db import migrations, models

from medical_audit.walls import Walls

READ = "SELECT"
READERS = {"toban_worker": READ, "toban_scheduler": READ, "toban_audit": READ}


class Migration(migrations.Migration):
    """Rules for what is copied from servers to volumes, what Toban wrote there, and the snapshots of volumes."""

    dependencies = [
        ('infra', '0013_databases'),
    ]

    operations = [
        migrations.AddField(
            model_name='region',
            name='snapshots_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='volume',
            name='iops',
            field=models.IntegerField(null=True),
        ),
        migrations.AddField(
            model_name='volume',
            name='tag_marks',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='volume',
            name='throughput',
            field=models.IntegerField(help_text='MiB/s', null=True),
        ),
        migrations.AlterField(
            model_name='volume',
            name='naming',
            field=models.CharField(blank=True, choices=[('named', 'named'), ('due', 'due'), ('nameless', 'nameless'), ('unattached', 'unattached'), ('undone', 'undone')], max_length=10),
        ),
        migrations.CreateModel(
            name='TaggingRule',
            fields=[
                ('tenant_id', models.UUIDField(editable=False)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('content', models.JSONField(help_text='infra.domain.tagging.Rules')),
                ('operation', models.CharField(max_length=36)),
                ('confirmed_by_id', models.CharField(max_length=64)),
                ('confirmed_by_name', models.CharField(max_length=200)),
                ('confirmed_at', models.DateTimeField()),
                ('account', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tagging_rules', to='infra.awsaccount')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'account'), name='tagging_rule_once', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='VolumeSnapshot',
            fields=[
                ('tenant_id', models.UUIDField(editable=False)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('region', models.CharField(max_length=30)),
                ('snapshot_id', models.CharField(max_length=40)),
                ('volume_id', models.CharField(blank=True, max_length=40)),
                ('name', models.CharField(blank=True, max_length=300)),
                ('state', models.CharField(max_length=20)),
                ('size_gib', models.IntegerField(default=0)),
                ('tier', models.CharField(blank=True, max_length=20)),
                ('description', models.CharField(blank=True, max_length=300)),
                ('images', models.JSONField(default=list)),
                ('tags', models.JSONField(default=dict)),
                ('tag_marks', models.JSONField(default=dict)),
                ('made_at', models.DateTimeField(null=True)),
                ('seen_at', models.DateTimeField()),
                ('gone_at', models.DateTimeField(null=True)),
                ('snoozed_until', models.DateTimeField(null=True)),
                ('snooze_reason', models.CharField(blank=True, max_length=500)),
                ('snoozed_by_name', models.CharField(blank=True, max_length=200)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='volume_snapshots', to='infra.awsaccount')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant_id', 'volume_id'], name='snapshot_by_volume')],
                'constraints': [models.UniqueConstraint(fields=('account', 'region', 'snapshot_id'), name='volume_snapshot_once')],
            },
        ),
        Walls("taggingrule", grants={"toban_web": "SELECT, INSERT, UPDATE", **READERS}),
        Walls(
            "volumesnapshot",
            grants={
                "toban_web": "SELECT, UPDATE (snoozed_until, snooze_reason, snoozed_by_name)",
                "toban_worker": "SELECT, INSERT, UPDATE", "toban_scheduler": READ, "toban_audit": READ,
            },
        ),
    ]
