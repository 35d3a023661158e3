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
    for table in ("accounts_secondfactor", "accounts_recoverycode")
)


class Migration(migrations.Migration):
    """Second factors: they belong to a person, and whoever is bound sees his own; they come and go with an event only."""

    dependencies = [("accounts", "0004_tokens")]
    operations = [
        migrations.CreateModel(
            name="SecondFactor",
            fields=[
                ("user_id", models.UUIDField(primary_key=True, serialize=False)),
                ("sealed", models.CharField(max_length=300)),
                ("last_step", models.BigIntegerField(default=0)),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("user_id", models.UUIDField()),
                ("hashed", models.CharField(max_length=128)),
                ("used_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["user_id"], name="recovery_code_of_person")],
            },
        ),
        Grant("accounts_secondfactor", {"toban_web": "SELECT, INSERT, UPDATE (last_step), DELETE"}),
        Grant("accounts_recoverycode", {"toban_web": "SELECT, INSERT, UPDATE (used_at), DELETE"}),
        Recorded("secondfactor", subject="user", column="user_id", kinds=("user.",), besides=("last_step",)),
        Recorded("recoverycode", subject="user", column="user_id", kinds=("user.",)),
        migrations.RunSQL(WALL, elidable=False),
    ]
