"""How often somebody tried to sign in to a database from Toban lately; of the bound tenant."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from infra.domain.diagnosis import SIGN_INS_WITHIN
from medical_audit.domain.actor import Actor
from medical_audit.queries.own import count_of

TRIED = "resource.sign_in_tried"


def sign_ins_of(resource_id: UUID, *, actor: Actor, now: datetime) -> int:
    """So many tries of this person at this database within the time that counts."""
    return count_of(TRIED, "resource", str(resource_id), actor=actor, since=now - SIGN_INS_WITHIN)
