from django.db import migrations, models


class Migration(migrations.Migration):
    """A window on the seals (the table itself is the ledger's own), and what was entered for somebody, by person."""

    dependencies = [("medical_audit", "0016_purges")]
    operations = [
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("note", models.TextField()),
                ("hash", models.BinaryField()),
            ],
            options={"db_table": '"ledger"."checkpoint"', "managed": False},
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(
                condition=models.Q(("on_behalf_of_id", ""), _negated=True),
                fields=["tenant_id", "on_behalf_of_id", "-entered_at", "-id"],
                name="operation_for_another",
            ),
        ),
    ]
