import uuid

from django.db import migrations, models

from medical_audit.walls import Recorded, Walls

READ = "SELECT"
GUARD = """
CREATE TRIGGER guard_project BEFORE INSERT OR UPDATE OR DELETE ON infra_project
    FOR EACH ROW EXECUTE FUNCTION infra_guard_confirmed('project.set', 'project.end');
"""


class Migration(migrations.Migration):
    """Projects as people declare them: they decide which schedule a resource follows, so two people change them."""

    dependencies = [("infra", "0014_tagging_rules")]
    operations = [
        migrations.CreateModel(
            name="Project",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=300)),
                ("owner", models.CharField(max_length=200)),
                ("tag_key", models.CharField(max_length=128)),
                ("tag_values", models.JSONField(default=list)),
                ("operation", models.CharField(max_length=36)),
                ("confirmed_by_name", models.CharField(max_length=200)),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=["tenant_id", "name"], name="project_name_once")],
            },
        ),
        Walls(
            "project",
            grants={
                "toban_web": "SELECT, INSERT, UPDATE, DELETE",
                "toban_worker": READ,
                "toban_scheduler": READ,
                "toban_audit": READ,
            },
        ),
        Recorded("project", subject="project", column="id", kinds=("operation.",)),
        migrations.RunSQL(GUARD),
    ]
