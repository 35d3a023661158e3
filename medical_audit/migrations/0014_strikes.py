from django.db import migrations, models


class Migration(migrations.Migration):
    """Wrong passwords in a row, beside how many there were in all; from when a tenant asks for a second factor."""

    dependencies = [("medical_audit", "0013_answers")]
    operations = [
        migrations.AddField(model_name="failedsignin", name="strikes", field=models.IntegerField(default=1)),
        migrations.AddField(model_name="tenantpolicy", name="second_factor_from", field=models.DateField(null=True)),
    ]
