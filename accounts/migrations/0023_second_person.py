from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    """Who holds an account that is nobody's own is no second person for what it entered: plain SQL, see the file beside this one."""

    dependencies = [("accounts", "0022_bound_anew"), ("medical_audit", "0037_a_word_is_no_proof")]
    operations = [migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"), elidable=False)]
