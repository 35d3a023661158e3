import uuid

from django.db import migrations, models

from medical_audit.walls import THIS_USER, Grant, Recorded

WALL = "\n".join(
    f"""
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY person_wall ON {table} TO toban_web, toban_worker, toban_scheduler, toban_audit
        USING (user_id = {THIS_USER}) WITH CHECK (user_id = {THIS_USER});
    """
    for table in ("accounts_passkey", "accounts_passkeyquestion")
)


class Migration(migrations.Migration):
    """Passkeys belong to a person, and whoever is bound sees his own; they come and go with an event only."""

    dependencies = [("accounts", "0006_members")]
    operations = [
        migrations.CreateModel(
            name="Passkey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("user_id", models.UUIDField()),
                ("name", models.CharField(max_length=60)),
                ("host", models.CharField(max_length=253)),
                ("credential", models.BinaryField(max_length=1023, unique=True)),
                ("public_key", models.BinaryField(max_length=2000)),
                ("sign_count", models.BigIntegerField(default=0)),
                ("made_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["user_id"], name="passkey_of_person")],
            },
        ),
        migrations.CreateModel(
            name="PasskeyQuestion",
            fields=[
                ("challenge", models.BinaryField(max_length=64, primary_key=True, serialize=False)),
                ("user_id", models.UUIDField()),
                ("purpose", models.CharField(max_length=10)),
                ("origin", models.CharField(max_length=300)),
                ("asked_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["user_id"], name="passkey_question_of_person")],
            },
        ),
        Grant("accounts_passkey", {"toban_web": "SELECT, INSERT, UPDATE (sign_count, used_at), DELETE"}),
        Grant("accounts_passkeyquestion", {"toban_web": "SELECT, INSERT, DELETE"}),
        Recorded(
            "passkey", subject="user", column="user_id", kinds=("user.",), besides=("sign_count", "used_at")
        ),
        migrations.RunSQL(WALL, elidable=False),
    ]
