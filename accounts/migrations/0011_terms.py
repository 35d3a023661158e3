import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from medical_audit.walls import THIS_USER, Erasable, Recorded, Walls


class Migration(migrations.Migration):
    """On what terms people belong to a tenant; each person also reads his own."""

    dependencies = [("accounts", "0010_sign_on")]
    operations = [
        migrations.CreateModel(
            name="MemberTerms",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[(one, one) for one in ("staff", "vendor", "shared", "emergency", "machine")], max_length=10)),
                ("begins_at", models.DateTimeField(null=True)),
                ("ends_at", models.DateTimeField(null=True)),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("company", models.CharField(blank=True, max_length=100)),
                ("holder_id", models.CharField(blank=True, max_length=36)),
                ("holder_name", models.CharField(blank=True, max_length=100)),
                ("operation", models.CharField(max_length=36)),
                ("changed_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "user"), name="member_terms_once")],
                "indexes": [
                    models.Index(
                        condition=models.Q(("ended_at__isnull", True)), fields=["tenant_id", "ends_at"], name="member_terms_running"
                    )
                ],
            },
        ),
        Walls(
            "memberterms",
            also=f"user_id = {THIS_USER}",
            grants={
                "toban_web": "SELECT, INSERT, UPDATE",
                "toban_worker": "SELECT",
                "toban_scheduler": "SELECT, UPDATE (ended_at)",
                "toban_audit": "SELECT",
            },
        ),
        Recorded("memberterms", subject="user", column="user_id", kinds=("member.", "operation.")),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False),
        Erasable("memberterms", {"user_id": ["email"], "holder_id": ["holder_name"]}),
    ]
