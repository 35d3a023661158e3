"""Putting each person's key under the key of the environment that seals today, so that an old one can be taken away."""

from datetime import datetime
from uuid import UUID

from django.db import connection

from medical_audit.domain.actor import Actor, Subject
from medical_audit.operations.ledger import record
from medical_audit.queries.people import first_opened, opened_key
from medical_audit.sealing import Unsealable, is_current, new_person_key, seal_person_key
from medical_audit.tenancy import tenant_scope


def reseal_people(*, actor: Actor, now: datetime) -> int:
    """All of one tenant; gives how many. Raises Unsealable where a key of the environment is missing."""
    tenant_id, done = actor.tenant_id, 0
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT k.person, k.sealed, k.former, EXISTS (SELECT FROM ledger.person_value v WHERE v.tenant_id = k.tenant_id "
            "AND v.person = k.person) FROM ledger.person_key k WHERE k.tenant_id = %s",
            [tenant_id],
        )
        for person, sealed, former, covers in cursor.fetchall():
            if not is_current(sealed) or not _opens(sealed, tenant_id, person):
                try:
                    key = first_opened([sealed, *former], tenant_id, person)
                    new = seal_person_key(key, tenant_id=tenant_id, person=person)
                except Unsealable:
                    if covers:
                        raise
                    # Nothing can be lost, but the person could do nothing that is recorded.
                    new = new_person_key(tenant_id, person)
                cursor.execute(
                    "SELECT ledger.reseal_person(%s, %s, %s, %s)", [tenant_id, person, sealed, new]
                )
                done += 1
        if done:
            record(
                "people.resealed",
                actor=actor,
                subject=Subject("people", str(tenant_id)),
                now=now,
                detail={"keys": done},
            )
    return done


def _opens(sealed: str, tenant_id: UUID, person: str) -> bool:
    try:
        opened_key(sealed, tenant_id, person)
    except Unsealable:
        return False
    return True
