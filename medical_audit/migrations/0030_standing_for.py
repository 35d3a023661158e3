from django.db import migrations, models


class Migration(migrations.Migration):
    """How many findings an event under review stands for."""

    dependencies = [("medical_audit", "0029_whose_names")]
    operations = [
        migrations.AddField("reviewitem", "findings", models.PositiveIntegerField(default=0)),
    ]
