from pathlib import Path

from django.db import migrations

from medical_audit.walls import Grant, Walls

WORK = "SELECT, INSERT, UPDATE"


class Migration(migrations.Migration):
    """Walls round the operation and the lane, the queue's cross-tenant windows, the state machine's guards."""

    dependencies = [("medical_audit", "0002_ledger")]
    operations = [
        Walls(
            "operation",
            grants={"toban_web": WORK, "toban_worker": WORK, "toban_scheduler": WORK, "toban_audit": "SELECT"},
        ),
        Walls(
            "lane",
            grants={"toban_web": "SELECT", "toban_worker": WORK, "toban_scheduler": "SELECT", "toban_audit": "SELECT"},
        ),
        Grant(
            "medical_audit_heartbeat",
            {"toban_web": "SELECT", "toban_worker": WORK, "toban_scheduler": WORK, "toban_audit": "SELECT"},
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")),
    ]
