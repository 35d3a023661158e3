import uuid
from pathlib import Path

from django.db import migrations, models

from medical_audit.walls import Walls


class Migration(migrations.Migration):
    """Verifications that people ask for: asked by the web server, carried out beside the sealer."""

    dependencies = [("medical_audit", "0005_sessions")]
    operations = [
        migrations.CreateModel(
            name='VerificationRun',
            fields=[
                ('tenant_id', models.UUIDField(editable=False)),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('verdict', models.CharField(choices=[('asked', 'Asked'), ('running', 'Running'), ('intact', 'Intact'), ('damaged', 'Damaged'), ('unsaid', 'Unsaid')], default='asked', max_length=8)),
                ('asked_by_id', models.CharField(max_length=80)),
                ('asked_by_name', models.CharField(max_length=200)),
                ('asked_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('checked', models.BigIntegerField(default=0)),
                ('total', models.BigIntegerField(default=0)),
                ('damage', models.CharField(blank=True, max_length=20)),
                ('damage_of', models.CharField(blank=True, max_length=6)),
                ('damage_seq', models.BigIntegerField(null=True)),
                ('sealed', models.BigIntegerField(default=0)),
                ('seal', models.BigIntegerField(default=0)),
                ('anchors', models.JSONField(default=list)),
                ('silences', models.IntegerField(default=0)),
                ('problem', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant_id', 'asked_at'], name='verification_by_time')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('verdict__in', ('asked', 'running'))), fields=('tenant_id',), name='verification_one_open')],
            },
        ),
        Walls("verificationrun", grants={"toban_web": "SELECT, INSERT", "toban_audit": "SELECT, UPDATE"}),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
    ]
