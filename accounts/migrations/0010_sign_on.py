import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from medical_audit.walls import Recorded, Walls


class Migration(migrations.Migration):
    """Identity providers of tenants, and whom they name. The web server reads them."""

    dependencies = [("accounts", "0009_erasable"), ("medical_audit", "0021_sign_on")]
    operations = [
        migrations.CreateModel(
            name="SignOnProvider",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60)),
                ("issuer", models.CharField(max_length=500)),
                ("client_id", models.CharField(max_length=200)),
                ("sealed", models.CharField(max_length=1000)),
                ("claim", models.CharField(choices=[("email", "email"), ("preferred_username", "preferred_username")], max_length=20)),
                ("domains", models.JSONField(default=list)),
                ("endpoints", models.JSONField()),
                ("mode", models.CharField(choices=[("off", "off"), ("offered", "offered"), ("required", "required")], default="off", max_length=10)),
                ("local_people", models.JSONField(default=list)),
                ("operation", models.CharField(max_length=36)),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant_id",), name="one_sign_on_provider_a_tenant")],
            },
        ),
        migrations.CreateModel(
            name="SignOnLink",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("issuer", models.CharField(max_length=500)),
                ("subject", models.CharField(max_length=255)),
                ("made_at", models.DateTimeField()),
                ("used_at", models.DateTimeField()),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "issuer", "subject"), name="sign_on_subject_once"),
                    models.UniqueConstraint(fields=("tenant_id", "issuer", "user"), name="sign_on_person_once"),
                ],
            },
        ),
        # The worker seals the secret anew when keys are exchanged.
        Walls("signonprovider", grants={"toban_web": "SELECT, INSERT, UPDATE", "toban_worker": "SELECT, UPDATE (sealed)"}),
        Walls("signonlink", grants={"toban_web": "SELECT, INSERT, UPDATE (used_at)"}),
        Recorded("signonprovider", subject="sign_on", column="id", kinds=("sign_on.", "operation.")),
        Recorded("signonlink", subject="user", column="user_id", kinds=("user.",), besides=("used_at",)),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False),
    ]
