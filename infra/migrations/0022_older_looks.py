from django.db import migrations, models


class Migration(migrations.Migration):
    """When an operation last saw a volume, which no older look may overwrite; and room for the ARN by which a shared snapshot is named."""

    dependencies = [("infra", "0021_features_in_force")]
    operations = [
        migrations.AddField(
            "volume",
            "touched_at",
            models.DateTimeField(null=True, help_text="when an operation last wrote what it saw"),
        ),
        migrations.AlterField("databasesnapshot", "name", models.CharField(max_length=400)),
    ]
