import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from medical_audit.walls import Recorded, Walls


class Migration(migrations.Migration):
    """API tokens: only the web server knows them, and they come and end with an event only."""

    dependencies = [("accounts", "0003_notices")]
    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60)),
                ("hashed", models.CharField(max_length=64, unique=True)),
                ("permissions", models.JSONField()),
                ("networks", models.JSONField(default=list)),
                ("operation", models.CharField(max_length=36)),
                ("made_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("used_from", models.CharField(blank=True, max_length=64)),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by_name", models.CharField(blank=True, max_length=200)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["tenant_id", "user", "-made_at"], name="token_of_person")],
            },
        ),
        Walls(
            "apitoken",
            grants={"toban_web": "SELECT, INSERT, UPDATE (used_at, used_from, ended_at, ended_by_name)"},
        ),
        Recorded(
            "apitoken", subject="token", column="id", kinds=("token.", "operation."), besides=("used_at", "used_from")
        ),
    ]
