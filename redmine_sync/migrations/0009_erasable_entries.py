from django.db import migrations

from medical_audit.walls import Erasable


class Migration(migrations.Migration):
    """What is to be told at a ticket, and was, names who acted."""

    dependencies = [("redmine_sync", "0008_erasable"), ("medical_audit", "0019_people")]
    operations = [Erasable("entry", {}, notes=["event"])]
