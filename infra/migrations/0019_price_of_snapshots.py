from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("infra", "0018_project_guard")]

    operations = [
        migrations.AlterField(model_name="price", name="kind", field=models.CharField(max_length=20)),
    ]
