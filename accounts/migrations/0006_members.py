import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from medical_audit.walls import Recorded, Walls


class Migration(migrations.Migration):
    """Invitations; who belongs to a tenant, and which program acts for whom, changes only by a confirmed operation."""

    dependencies = [("accounts", "0005_second_factor"), ("medical_audit", "0014_strikes")]
    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("hashed", models.CharField(max_length=64, unique=True)),
                ("operation", models.CharField(max_length=36)),
                ("made_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["tenant_id", "user", "-made_at"], name="invitation_of_person")],
            },
        ),
        Walls("invitation", grants={"toban_web": "SELECT, INSERT, UPDATE (used_at)"}),
        Recorded("invitation", subject="user", column="user_id", kinds=("user.", "operation.")),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False),
    ]
