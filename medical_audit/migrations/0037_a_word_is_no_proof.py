from django.db import migrations, models


class Migration(migrations.Migration):
    """A session that only a provider's word began holds no proof of its own yet."""

    dependencies = [("medical_audit", "0036_answers_with_versions")]
    operations = [migrations.AlterField("session", "proved_at", models.DateTimeField(null=True))]
