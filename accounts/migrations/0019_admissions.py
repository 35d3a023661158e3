import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from medical_audit.walls import THIS_USER, Recorded, Walls


class Migration(migrations.Migration):
    """Somebody of another house becomes a member when he agrees himself; each person reads what waits for his own answer."""

    dependencies = [("accounts", "0018_halves")]
    operations = [
        migrations.CreateModel(
            name="Admission",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("house", models.CharField(max_length=100)),
                ("role", models.CharField(blank=True, max_length=20)),
                ("company", models.CharField(blank=True, max_length=100)),
                ("reason", models.TextField(blank=True)),
                ("operation", models.CharField(max_length=36)),
                ("asked_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(null=True)),
                (
                    "answer",
                    models.CharField(
                        choices=[(one, one) for one in ("open", "accepted", "refused", "replaced", "taken_back")],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("answered_at", models.DateTimeField(null=True)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("answer", "open")), fields=("tenant_id", "user"), name="admission_open_once")
                ],
                "indexes": [models.Index(fields=["user", "answer"], name="admission_of_person")],
            },
        ),
        Walls(
            "admission",
            also=f"user_id = {THIS_USER}",
            grants={"toban_web": "SELECT, INSERT, UPDATE (answer, answered_at)"},
        ),
        Recorded("admission", subject="user", column="user_id", kinds=("member.", "operation.")),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False),
    ]
