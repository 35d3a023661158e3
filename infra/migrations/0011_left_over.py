from django.db import migrations, models


class Migration(migrations.Migration):
    """When a volume was recorded as left over: workers write it, as everything that they see of a volume."""

    dependencies = [("infra", "0010_previous_window")]
    operations = [migrations.AddField("volume", "left_over_at", models.DateTimeField(null=True))]
