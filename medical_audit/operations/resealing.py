"""Putting each person's key under the key of the environment that seals today, so that an old one can be taken away."""

from datetime import datetime

from django.db import connection

from medical_audit.domain.actor import Actor, Subject
from medical_audit.operations.ledger import record
from medical_audit.sealing import is_current, reseal_person_key
from medical_audit.tenancy import tenant_scope


def reseal_people(*, actor: Actor, now: datetime) -> int:
    """All of one tenant; gives how many. Raises Unsealable where a key of the environment is missing."""
    tenant_id, done = actor.tenant_id, 0
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute("SELECT person, sealed FROM ledger.person_key WHERE tenant_id = %s", [tenant_id])
        for person, sealed in cursor.fetchall():
            if not is_current(sealed):
                new = reseal_person_key(sealed, tenant_id=tenant_id, person=person)
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
