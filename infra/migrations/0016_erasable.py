from django.db import migrations

from medical_audit.walls import Erasable


class Migration(migrations.Migration):
    """What an erasure of a person empties."""

    dependencies = [("infra", "0015_projects"), ("medical_audit", "0019_people")]
    operations = [
        Erasable("awsaccount", {"automation_confirmed_by_id": ["automation_confirmed_by_name"]}),
        Erasable("accountsetup", {"started_by_id": ["started_by_name"]}),
        Erasable("holidaylist", {}, named=["received_by_name"]),
        Erasable("holidayfeed", {}, named=["changed_by_name"]),
        Erasable("namedschedule", {"published_by_id": ["published_by_name"]}),
        Erasable("revision", {"created_by_id": ["created_by_name"]}),
        Erasable("assignment", {"confirmed_by_id": ["confirmed_by_name"]}),
        Erasable(
            "override",
            {"entered_by_id": ["entered_by_name"], "confirmed_by_id": ["confirmed_by_name"]},
            named=["ended_by_name"],
        ),
        Erasable("resource", {}, notes=["owed"]),
        Erasable("heldround", {"released_by_id": ["released_by_name"]}),
        Erasable("price", {}, named=["changed_by_name"]),
        Erasable("volume", {}, named=["snoozed_by_name"]),
        Erasable("taggingrule", {"confirmed_by_id": ["confirmed_by_name"]}),
        Erasable("project", {}, named=["confirmed_by_name"]),
        Erasable("volumesnapshot", {}, named=["snoozed_by_name"]),
    ]
