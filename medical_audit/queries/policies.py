"""What the bound tenant has decided about sessions and confirmations."""

from dataclasses import dataclass
from datetime import timedelta

from medical_audit.models import TenantPolicy


@dataclass(frozen=True, slots=True)
class Policy:
    """`grace_seconds`: how long a password given counts for the next confirmation (0: never); `escalate_hours`: after how
    many hours an unconfirmed proxy entry is everybody's matter."""

    idle_minutes: int = 10
    grace_seconds: int = 0
    escalate_hours: int = 24

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.grace_seconds)


def policy_here() -> Policy:
    """The bound tenant's policy, or what holds where nothing was decided."""
    row = TenantPolicy.objects.values("idle_minutes", "grace_seconds", "escalate_hours").first()
    return Policy(**row) if row else Policy()
