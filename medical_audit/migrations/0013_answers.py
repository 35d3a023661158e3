import uuid

from django.db import migrations, models

from medical_audit.walls import Walls


class Migration(migrations.Migration):
    """Answers of the API, kept so that a call sent twice is acted on once."""

    dependencies = [("medical_audit", "0012_exports")]
    operations = [
        migrations.CreateModel(
            name="StoredAnswer",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("caller", models.CharField(max_length=100)),
                ("key", models.CharField(max_length=64)),
                ("content", models.CharField(max_length=64)),
                ("status", models.IntegerField(null=True)),
                ("answer", models.JSONField(null=True)),
                ("made_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["tenant_id", "expires_at"], name="answer_expires")],
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "caller", "key"), name="answer_once")],
            },
        ),
        Walls("storedanswer", grants={"toban_web": "SELECT, INSERT, UPDATE (status, answer), DELETE"}),
    ]
