"""Reading operations of the bound tenant."""

from medical_audit.domain.states import State
from medical_audit.models import Operation


def waiting_count() -> int:
    """How many operations wait for a person to confirm them."""
    return Operation.objects.filter(state=State.ENTERED).count()
