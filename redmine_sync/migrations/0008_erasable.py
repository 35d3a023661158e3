from django.db import migrations

from medical_audit.walls import Erasable


class Migration(migrations.Migration):
    """What an erasure of a person empties."""

    dependencies = [("redmine_sync", "0007_nobody_crowded_out"), ("medical_audit", "0019_people")]
    operations = [
        Erasable("repository", {}, named=["confirmed_by_name", "drafted_by_name"], notes=["removal"]),
        Erasable("syncrun", {}, named=["asked_by_name"]),
        Erasable("redmineserver", {}, named=["confirmed_by_name", "drafted_by_name"]),
        Erasable("ticketrule", {}, named=["confirmed_by_name"]),
        Erasable("ticket", {}, named=["last_note_by"]),
    ]
