from django.db import migrations, models


class Migration(migrations.Migration):
    """Regions of an account that is in come and go."""

    dependencies = [("infra", "0022_older_looks")]

    operations = [
        migrations.AddField(
            "region",
            "looking",
            models.CharField(
                choices=[("waits", "Waits"), ("on", "On"), ("leaving", "Leaving"), ("left", "Left")], default="on", max_length=8
            ),
        ),
    ]
