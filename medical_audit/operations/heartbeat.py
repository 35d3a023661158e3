"""Saying that a periodic duty ran."""

from datetime import datetime

from medical_audit.models import Heartbeat


def beat(name: str, now: datetime) -> None:
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, at=now)], update_conflicts=True, update_fields=["at"], unique_fields=["name"]
    )
