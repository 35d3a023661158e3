import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from medical_audit.walls import Erasable, Recorded, Walls

DECISIONS = [("open", "open"), ("keep", "keep"), ("take", "take"), ("gone", "gone")]
#: Nobody decides on his own rights, whatever code says so; what is decided stays decided.
GUARD = """
ALTER TABLE accounts_recertificationitem ADD CONSTRAINT recertified_by_another CHECK (decided_by_id <> user_id::text);
CREATE FUNCTION accounts_guard_recertified() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF OLD.decision <> 'open' AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'recertification %: what is decided stays decided', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_recertified BEFORE UPDATE ON accounts_recertificationitem
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_recertified();
"""


class Migration(migrations.Migration):
    """Rounds in which every right is looked at anew; the clock begins them and reminds of them."""

    dependencies = [("accounts", "0011_terms")]
    operations = [
        migrations.CreateModel(
            name="Recertification",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=10)),
                ("begun_at", models.DateTimeField()),
                ("begun_by_name", models.CharField(max_length=200)),
                ("due_at", models.DateTimeField()),
                ("reminded_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant_id", "name"), name="recertification_once_a_quarter")],
            },
        ),
        migrations.CreateModel(
            name="RecertificationItem",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("role", models.CharField(max_length=20)),
                ("granted_at", models.DateTimeField()),
                ("decision", models.CharField(choices=DECISIONS, default="open", max_length=5)),
                ("decided_by_id", models.CharField(blank=True, max_length=64)),
                ("decided_by_name", models.CharField(blank=True, max_length=200)),
                ("decided_at", models.DateTimeField(null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("operation", models.CharField(blank=True, max_length=36)),
                ("recertification", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="items", to="accounts.recertification")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "recertification", "user", "role"), name="recertified_once"),
                ],
            },
        ),
        Walls(
            "recertification",
            grants={
                "toban_web": "SELECT, INSERT, UPDATE (closed_at)",
                "toban_scheduler": "SELECT, INSERT, UPDATE (reminded_at)",
                "toban_audit": "SELECT",
            },
        ),
        Walls(
            "recertificationitem",
            grants={
                "toban_web": "SELECT, INSERT, UPDATE (decision, decided_by_id, decided_by_name, decided_at, reason, operation)",
                "toban_scheduler": "SELECT, INSERT",
                "toban_audit": "SELECT",
            },
        ),
        Recorded(
            "recertification", subject="recertification", column="id", kinds=("member.",), besides=("reminded_at",)
        ),
        migrations.RunSQL(GUARD, elidable=False),
        Erasable("recertification", {}, named=["begun_by_name"]),
        Erasable("recertificationitem", {"decided_by_id": ["decided_by_name"]}),
    ]
