"""Restores that two people signed: what the record goes on from, and what was lost by each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection

from medical_audit.domain.checkpoint import note_hash
from medical_audit.domain.notes import BadNote, VerifierKey
from medical_audit.domain.restoring import Loss, Restore, open_restore


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore whose two signatures hold. `lost`: by tenant, where all tenants' losses were asked for."""

    statement: Restore
    note: str
    approvers: tuple[str, ...]
    lost: Mapping[UUID, Loss] = field(default_factory=dict)

    @property
    def hash(self) -> bytes:
        return note_hash(self.note)


def restores(approvers: Sequence[VerifierKey]) -> list[Restored]:
    """Those that two of these approvers signed, in order; one that they did not sign counts for nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT epoch, old, new, note FROM ledger.restore ORDER BY epoch")
        rows = cursor.fetchall()
    found = []
    for epoch, old, new, note in rows:
        try:
            statement, names = open_restore(note, approvers)
        except BadNote:
            continue
        if (statement.epoch, statement.old, statement.new) == (epoch, old, new):
            found.append(Restored(statement, note, names))
    return found


def with_losses(found: Sequence[Restored]) -> list[Restored]:
    """The same with everybody's losses; one whose losses are not those that were signed is left out. Needs the audit role."""
    made = []
    for one in found:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM ledger.losses(%s)", [one.statement.epoch])
            lost = [Loss(*row) for row in cursor.fetchall()]
        if one.statement.is_over(lost):
            made.append(
                Restored(one.statement, one.note, one.approvers, {loss.tenant_id: loss for loss in lost})
            )
    return made


def losses_of(tenant_id: UUID) -> dict[int, Loss]:
    """By epoch, what the bound tenant lost."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT epoch, tenant_id, first_seq, last_seq FROM ledger.loss WHERE tenant_id = %s ORDER BY epoch",
            [tenant_id],
        )
        return {epoch: Loss(*row) for epoch, *row in cursor.fetchall()}


def going_on(found: Sequence[Restored], number: int) -> Restored | None:
    """The restore by which the record goes on from this seal (0: from nothing); None: by none."""
    return next((one for one in reversed(found) if one.statement.new == number), None)
