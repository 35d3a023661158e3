"""Erasing what can be read of a person who has left: his key is destroyed, the chain stays whole (ADR 19). Two people each time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import connection

from accounts.models import Channel, User
from accounts.operations.clearing import end_rooms
from accounts.queries.readable import KIND, ReadablePerson, belongs_nowhere, names_of, person_here
from medical_audit.domain.actor import NO_TENANT, Actor, ActorType, Subject
from medical_audit.domain.errors import Refused
from medical_audit.domain.kinds import OperationTarget
from medical_audit.domain.personal import ERASED
from medical_audit.domain.rights import POLICY_EDIT
from medical_audit.domain.seats import End
from medical_audit.models import Operation, Session
from medical_audit.operations import entry, seats
from medical_audit.operations.ledger import record
from medical_audit.operations.retaining import decide_alone
from medical_audit.queries.purges import keeping_here
from medical_audit.tenancy import platform_scope, tenant_scope


def enter_erasure(person: str, *, actor: Actor, now: datetime, reason: str) -> Operation:
    """Enter that what can be read of somebody who has left is erased; another person confirms it.

    Raises NotFound, NotPermitted, Refused (record_held, person_still_here, person_term_not_over, erasure_waits).
    """
    with tenant_scope(actor.tenant_id):
        found = person_here(person, now=now)
        actor.require(POLICY_EDIT, actor.tenant_id)
        if found.waiting is not None:
            raise Refused("erasure_waits")
        _check(found)
        parameters = {
            "person": person, "names": list(found.names), "addresses": found.addresses, "devices": found.devices,
        }  # fmt: skip
        target = OperationTarget("person", person, "")
        return entry.enter(KIND, target, parameters, actor=actor, now=now, reason=reason)


def shown(_target: OperationTarget, parameters: Mapping[str, Any]) -> dict[str, Any]:
    names = ("names", "addresses", "devices")
    return {"sentence": KIND, "call": "", **{name: parameters[name] for name in names}}


def apply_erasure(operation: Operation, now: datetime) -> dict[str, Any]:
    """Key and values go in this transaction, with what stands beside the events and the files that were made of it.

    Raises NotFound, Refused as `enter_erasure`.
    """
    tenant_id, person = operation.tenant_id, str(operation.parameters["person"])
    decide_alone(tenant_id)
    # Held until commit: a role that is just being given waits for it, or is seen.
    User.objects.select_for_update().filter(id=UUID(person)).first()
    _check(person_here(person, now=now))
    confirmer = Actor(tenant_id, ActorType.USER, operation.confirmed_by_id, operation.confirmed_by_name)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ledger.erase_person(%s, %s, %s, %s, %s)",
            [tenant_id, person, operation.id, names_of(person), belongs_nowhere(person)],
        )
        (count,) = cursor.fetchone() or (0,)
    # The database leaves what the platform knows of him to the last tenant that can read him.
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM ledger.erasure WHERE tenant_id = %s AND operation = %s)",
            [NO_TENANT, operation.id],
        )
        (everywhere,) = cursor.fetchone() or (False,)
    # After the erasure, as `_close`: the addresses of his own rooms are secrets that no column is emptied of.
    end_rooms(Channel.objects.filter(person_id=person), actor=confirmer, now=now)
    told: dict[str, object] = {"count": count, "everywhere": everywhere}
    subject = Subject("person", person, ERASED)
    record(
        "person.erased", actor=confirmer, subject=subject, now=now, operation_id=str(operation.id),
        reason=operation.reason, detail=told,
    )  # fmt: skip
    if everywhere:
        with platform_scope():
            platform = Actor(NO_TENANT, ActorType.USER, confirmer.id, confirmer.name)
            record("person.erased", actor=platform, subject=subject, now=now, detail={"everywhere": True})
        _close(UUID(person), actor=confirmer, now=now)
    return told


def _close(user_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Nobody signs in any more as somebody whom nobody can name; after the erasure, so that nothing of him is written anew."""
    with platform_scope(user_id=user_id):
        open_ones = list(Session.objects.filter(user_id=user_id, ended_at__isnull=True))
    for session in open_ones:
        seats.end(session, End.FORCED, actor=actor, now=now, reason="account_closed")
    with platform_scope():
        User.objects.filter(id=user_id).update(is_active=False, password=make_password(None))
        platform = Actor(NO_TENANT, ActorType.USER, actor.id, actor.name)
        subject = Subject("user", str(user_id), ERASED)
        record("user.closed", actor=platform, subject=subject, now=now, detail={"everywhere": True})


def _check(found: ReadablePerson) -> None:
    held = keeping_here()
    if held.hold:
        raise Refused("record_held", why=held.hold)
    if found.member:
        raise Refused("person_still_here")
    if not found.due:
        raise Refused("person_term_not_over", months=held.person_months)
