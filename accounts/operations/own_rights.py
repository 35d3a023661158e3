"""Nobody decides about himself: neither by his own account nor by one that is nobody's and that he has in hand."""

from __future__ import annotations

from uuid import UUID

from accounts.queries.people import People
from medical_audit.domain.actor import Actor
from medical_audit.domain.errors import Refused
from medical_audit.tenancy import tenant_scope


def refuse_own(user_id: UUID, *, actor: Actor) -> None:
    """For what is entered about this person. Raises Refused (own_rights)."""
    person = str(user_id)
    if actor.id == person:
        raise Refused("own_rights")
    if actor.no_one:
        with tenant_scope(actor.tenant_id):
            if People().in_hands_of(actor.tenant_id, person, [actor.id]):
                raise Refused("own_rights")
