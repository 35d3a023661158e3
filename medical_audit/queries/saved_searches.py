"""The questions that a person keeps."""

from medical_audit.domain.actor import Actor
from medical_audit.domain.rights import LEDGER_VIEW
from medical_audit.models import SavedSearch


def saved_searches(*, actor: Actor) -> list[SavedSearch]:
    """One's own, by name."""
    actor.require(LEDGER_VIEW, actor.tenant_id)
    return list(SavedSearch.objects.filter(person_id=actor.id).order_by("name"))
