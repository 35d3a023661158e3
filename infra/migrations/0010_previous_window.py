from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("infra", "0009_planning_walls")]

    operations = [
        migrations.AddField(
            model_name="maintenancewindow",
            name="previous_at",
            field=models.DateTimeField(null=True),
        ),
    ]
