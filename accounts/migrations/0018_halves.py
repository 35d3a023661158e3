from django.db import migrations, models


class Migration(migrations.Migration):
    """A link opens only together with the code that its confirmer was shown; links of before have none and are over."""

    dependencies = [("accounts", "0017_open_again")]
    operations = [
        migrations.AddField(
            model_name="invitation",
            name="code_hashed",
            field=models.CharField(blank=True, default="", max_length=64),
        )
    ]
