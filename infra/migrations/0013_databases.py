import uuid

import django.db.models.deletion
from django.db import migrations, models

from medical_audit.walls import Walls

READ = "SELECT"


class Migration(migrations.Migration):
    """What AWS says of certificate authorities and engine versions in a region, and the snapshots of databases."""

    dependencies = [("infra", "0012_snoozed")]

    operations = [
        migrations.AddField(
            model_name="region",
            name="database_terms",
            field=models.JSONField(
                default=dict, help_text="what AWS says of its certificate authorities and engine versions here"
            ),
        ),
        migrations.AddField(model_name="region", name="database_terms_at", field=models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="DatabaseSnapshot",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("region", models.CharField(max_length=30)),
                ("name", models.CharField(max_length=255)),
                ("database", models.CharField(max_length=63)),
                ("kind", models.CharField(max_length=20)),
                ("state", models.CharField(max_length=40)),
                ("engine", models.CharField(blank=True, max_length=40)),
                ("engine_version", models.CharField(blank=True, max_length=60)),
                ("storage_gib", models.IntegerField(default=0)),
                ("encrypted", models.BooleanField(default=False)),
                ("facts", models.JSONField(default=dict)),
                ("made_at", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField()),
                ("gone_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="database_snapshots",
                        to="infra.awsaccount",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["tenant_id", "database"], name="snapshot_by_database")],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "region", "name"), name="database_snapshot_once")
                ],
            },
        ),
        Walls(
            "databasesnapshot",
            grants={
                "toban_web": READ, "toban_worker": "SELECT, INSERT, UPDATE", "toban_scheduler": READ, "toban_audit": READ,
            },
        ),
    ]
