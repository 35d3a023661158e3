from django.db import migrations, models

from medical_audit.walls import Grant


class Migration(migrations.Migration):
    """A token that is turned away leaves a trace, and no storm of them."""

    dependencies = [("accounts", "0024_asked_kind")]
    operations = [
        migrations.AddField("apitoken", "refusals", models.JSONField(default=dict)),
        Grant("accounts_apitoken", {"toban_web": "UPDATE (refusals)"}),
    ]
