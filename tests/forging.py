"""What a program with the rights of one database role could write: rows, and events that fit them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError

from accounts.domain.permissions import Role
from medical_audit.domain.actor import Actor
from medical_audit.domain.kinds import Authority
from medical_audit.models import Operation
from medical_audit.operations.automatic import enter_due
from medical_audit.operations.ledger import record_many
from medical_audit.operations.moves import event_of
from medical_audit.tenancy import tenant_scope
from tests.conftest import _as_role
from tests.medical_audit.desk import APPLY, Desk

ROLES = ("web", "worker", "scheduler", "audit")


def copy(of: Operation, **changes: Any) -> Operation:
    """An unsaved row like this one, with an id of its own."""
    row = Operation(
        **{f.attname: getattr(of, f.attname) for f in Operation._meta.local_fields if f.attname != "id"}
    )
    for name, value in changes.items():
        setattr(row, name, value)
    return row


def forge(desk: Desk, row: Operation, actor: Actor) -> None:
    """Insert the row and write every event that it would have had."""
    with tenant_scope(desk.tenant_id):
        row.save(force_insert=True)
        kinds = ("operation.entered", "operation.confirmed")
        record_many(desk.tenant_id, [event_of(row, kind, actor=actor, now=desk.clock()) for kind in kinds])


def move(desk: Desk, row: Operation, actor: Actor, **changes: Any) -> None:
    """Update the row and write the event of the state that it reaches; whoever confirms does so by the clock of the desk."""
    if "confirmed_by_id" in changes:
        changes = {"confirmed_at": desk.clock()} | changes
    with tenant_scope(desk.tenant_id):
        Operation.objects.filter(id=row.id).update(**changes)
        row.state = changes.get("state", row.state)
        record_many(desk.tenant_id, [event_of(row, "operation.moved", actor=actor, now=desk.clock())])


def refused(attack: Callable[..., object], *arguments: Any, **changes: Any) -> str:
    """The attack is refused, at once or at the commit; gives the database's words."""
    with pytest.raises(DatabaseError) as refusal:
        attack(*arguments, **changes)
    assert isinstance(
        refusal.value.__cause__, psycopg.errors.InsufficientPrivilege | psycopg.errors.CheckViolation
    ), refusal.value
    return str(refusal.value)


def rest_on(desk: Desk, authority: Authority, role: str = "scheduler", **changes: Any) -> list[Operation]:
    with _as_role(role):
        due = desk.due(uuid.uuid4().hex, authority=authority, **changes)
        return enter_due([due], actor=desk.clockwork(), now=desk.clock())


def authority_of(operation: Operation) -> Authority:
    return Authority("tags", str(operation.id), operation.confirmed_by_id, operation.confirmed_by_name)


def confirmed(desk: Desk) -> Operation:
    return desk.confirm(desk.enter(APPLY, Role.ADMINISTRATOR))


def claim(desk: Desk, authority: Authority) -> None:
    """A row of the clock's, right in everything, that says it rests on this."""
    (model,) = rest_on(desk, authority_of(confirmed(desk)))
    row = copy(
        model,
        dedupe_key=uuid.uuid4().hex,
        confirmed_by_id=authority.person_id,
        confirmed_by_name=authority.person_name,
        authority={**model.authority, "operation": authority.operation},
    )
    with _as_role("scheduler"):
        forge(desk, row, desk.clockwork())
