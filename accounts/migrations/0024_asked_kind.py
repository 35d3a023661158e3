from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    """Whoever is asked sees as what he would belong there, and what he agreed to is kept: another kind is asked anew."""

    dependencies = [("accounts", "0023_second_person")]
    operations = [
        migrations.AddField(
            model_name="admission",
            name="kind",
            field=models.CharField(blank=True, default="", max_length=10),
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False),
    ]
