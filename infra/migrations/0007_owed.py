from django.db import migrations, models

#: Whoever changes the rules leaves what was due on the row; of a held round a person decides, and changes nothing else.
GRANTS = """
GRANT UPDATE (owed) ON infra_resource TO toban_web, toban_scheduler;
REVOKE UPDATE ON infra_heldround FROM toban_web;
GRANT UPDATE (released_at, released_by_id, released_by_name) ON infra_heldround TO toban_web;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('infra', '0006_account_setup'),
    ]

    operations = [
        migrations.AddField(
            model_name='resource',
            name='owed',
            field=models.JSONField(default=list, help_text='what fell due before its rules changed and no tick has entered yet, see infra.operations.owing'),
        ),
        migrations.AlterField(
            model_name='heldround',
            name='operation',
            field=models.CharField(blank=True, max_length=36),
        ),
        migrations.RunSQL(GRANTS),
    ]
