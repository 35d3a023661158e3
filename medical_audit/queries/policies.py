"""What the bound tenant has decided about sessions and confirmations."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from medical_audit.models import TenantPolicy

#: What the guidance of the ministry asks for, where a tenant has decided nothing.
SECOND_FACTOR_FROM: Final = "2027-04-01"


@dataclass(frozen=True, slots=True)
class Policy:
    """`grace_seconds`: how long a password given counts for the next confirmation (0: never); `escalate_hours`: after how
    many hours an unconfirmed proxy entry is everybody's matter; `second_factor_from`: the day (ISO, in the tenant's zone)
    from which nobody comes in with a password alone."""

    idle_minutes: int = 10
    grace_seconds: int = 0
    escalate_hours: int = 24
    second_factor_from: str = SECOND_FACTOR_FROM

    @property
    def second_factor_day(self) -> date:
        return date.fromisoformat(self.second_factor_from)

    @property
    def grace(self) -> timedelta:
        return timedelta(seconds=self.grace_seconds)


def policy_here() -> Policy:
    """The bound tenant's policy, or what holds where nothing was decided."""
    names = ("idle_minutes", "grace_seconds", "escalate_hours", "second_factor_from")
    row = TenantPolicy.objects.values(*names).first()
    if row is None:
        return Policy()
    day = row.pop("second_factor_from")
    return Policy(**row, second_factor_from=day.isoformat() if day else SECOND_FACTOR_FROM)
