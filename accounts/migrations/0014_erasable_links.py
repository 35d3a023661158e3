from django.db import migrations

from medical_audit.walls import Erasable


class Migration(migrations.Migration):
    """By which name an identity provider knows somebody goes with him: some use mail addresses for it."""

    dependencies = [("accounts", "0013_reseal_factors"), ("medical_audit", "0022_kept")]
    operations = [Erasable("signonlink", {"user_id": ["subject"]})]
