from pathlib import Path

from django.db import migrations, models

from medical_audit.walls import Erasable


class Migration(migrations.Migration):
    """People stand in events by reference: their keys, their values, erasures, and which columns beside hold the same."""

    dependencies = [("medical_audit", "0018_stamps")]
    operations = [
        migrations.AddField(
            model_name="retention", name="person_months", field=models.IntegerField(default=60)
        ),
        migrations.AddConstraint(
            model_name="retention",
            constraint=models.CheckConstraint(
                condition=models.Q(("person_months__gte", 12)), name="person_term_at_least"
            ),
        ),
        migrations.RenameField("event", "actor_name", "actor_ref"),
        migrations.RenameField("event", "subject_name", "subject_ref"),
        migrations.CreateModel(
            name="PersonKey",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("person", models.TextField(primary_key=True, serialize=False)),
                ("sealed", models.TextField()),
                ("made_at", models.DateTimeField()),
            ],
            options={"db_table": '"ledger"."person_key"', "managed": False, "base_manager_name": "objects"},
        ),
        migrations.CreateModel(
            name="PersonValue",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("token", models.TextField(primary_key=True, serialize=False)),
                ("person", models.TextField()),
                ("field", models.TextField()),
                ("sealed", models.TextField()),
                ("made_at", models.DateTimeField()),
            ],
            options={"db_table": '"ledger"."person_value"', "managed": False, "base_manager_name": "objects"},
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("person", models.TextField()),
                ("operation", models.UUIDField(primary_key=True, serialize=False)),
                ("key_id", models.TextField()),
                ("count", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("txid", models.BigIntegerField()),
                ("note", models.TextField()),
            ],
            options={"db_table": '"ledger"."erasure"', "managed": False, "base_manager_name": "objects"},
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
        Erasable(
            "operation",
            {
                "entered_by_id": ["entered_by_name"],
                "on_behalf_of_id": ["on_behalf_of_name"],
                "confirmed_by_id": ["confirmed_by_name"],
            },
        ),
        Erasable(
            "session",
            {"user_id": ["user_name", "address", "address_raw", "device"], "ended_by_id": ["ended_by_name"]},
            everywhere=True,
        ),
        Erasable(
            "visit",
            {"user_id": ["user_name", "address", "address_raw", "device"], "ended_by_id": ["ended_by_name"]},
        ),
        Erasable("anomaly", {"person_id": ["person_name"]}),
        Erasable("confirmation", {"person_id": ["person_name"]}),
        Erasable("delegation", {"principal_id": ["principal_name"], "proxy_id": ["proxy_name"]}),
        Erasable("deputy", {"principal_id": ["principal_name"], "deputy_id": ["deputy_name"]}),
        Erasable(
            "emergency",
            {"person_id": ["person_name"], "opened_by_id": ["opened_by_name"]},
            named=["asked_by_name", "reviewed_by_name"],
        ),
        Erasable("export", {"asked_by_id": ["asked_by_name"]}),
        Erasable("accessreview", {"begun_by_id": ["begun_by_name"]}, named=["signed_by_name"]),
        Erasable("reviewitem", {"actor_id": ["actor_name"], "judged_by_id": ["judged_by_name"]}),
        Erasable("storedanswer", {}, notes=["answer"]),
        Erasable("verificationrun", {"asked_by_id": ["asked_by_name"]}),
    ]
