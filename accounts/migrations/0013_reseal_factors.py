from django.db import migrations

from medical_audit.walls import Grant


class Migration(migrations.Migration):
    """Secrets of authenticator apps are sealed anew by a worker; the wall shows it one person's at a time."""

    dependencies = [("accounts", "0012_recertification")]
    operations = [Grant("accounts_secondfactor", {"toban_worker": "SELECT, UPDATE (sealed)"})]
