import uuid

from django.db import migrations, models

from medical_audit.walls import Recorded, Walls

READ = "SELECT"
OUTCOME = "UPDATE (next_at, tried_at, succeeded_at, problem, detail)"

QUEUE = """
GRANT SELECT (tenant_id, id, next_at) ON infra_holidayfeed TO toban_queue;
CREATE POLICY queue_reader ON infra_holidayfeed FOR SELECT TO toban_queue USING (true);
SET LOCAL ROLE toban_queue;
CREATE FUNCTION queue.due_feeds(p_now timestamptz) RETURNS TABLE (tenant_id uuid, feed_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$ SELECT f.tenant_id, f.id FROM public.infra_holidayfeed f WHERE f.next_at <= p_now ORDER BY f.next_at $$;
REVOKE EXECUTE ON FUNCTION queue.due_feeds(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION queue.due_feeds(timestamptz) TO toban_worker, toban_scheduler;
RESET ROLE;
"""


class Migration(migrations.Migration):

    dependencies = [("infra", "0007_owed")]

    operations = [
        migrations.CreateModel(
            name="HolidayFeed",
            fields=[
                ("tenant_id", models.UUIDField(editable=False)),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("source", models.CharField(choices=[("cabinet", "cabinet"), ("ical", "ical")], max_length=8)),
                ("url", models.CharField(max_length=500)),
                ("next_at", models.DateTimeField()),
                ("tried_at", models.DateTimeField(null=True)),
                ("succeeded_at", models.DateTimeField(null=True)),
                ("problem", models.CharField(blank=True, max_length=40)),
                ("detail", models.CharField(blank=True, max_length=300)),
                ("changed_by_name", models.CharField(max_length=200)),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["next_at"], name="holiday_feed_due")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id", "source"), name="holiday_feed_once")
                ],
            },
        ),
        Walls(
            "holidayfeed",
            grants={
                "toban_web": "SELECT, INSERT, UPDATE, DELETE",
                "toban_worker": f"{READ}, {OUTCOME}",
                "toban_scheduler": READ,
                "toban_audit": READ,
            },
        ),
        Recorded(
            "holidayfeed",
            subject="holiday_feed",
            column="id",
            kinds=("calendar.feed_",),
            besides=("next_at", "tried_at", "succeeded_at", "problem", "detail"),
        ),
        migrations.RunSQL(QUEUE),
    ]
