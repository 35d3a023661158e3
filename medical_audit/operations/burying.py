"""What two people confirmed may go, goes: the sealer signs the tombstone, and the database lets the events go with it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from medical_audit.domain.actor import Actor, Subject
from medical_audit.domain.burying import Tombstone, is_month, term_ends
from medical_audit.domain.checkpoint import note_hash
from medical_audit.domain.notes import BadNote, Signer, VerifierKey, open_note
from medical_audit.models import Operation
from medical_audit.operations.ledger import record
from medical_audit.queries import seals
from medical_audit.queries.purges import Purgeable, keeping_here, purgeable
from medical_audit.tenancy import platform_scope, tenant_scope


class PurgeRefused(RuntimeError):
    """The sealer does not let these events go; `code`: record_held, term_not_over, not_as_confirmed or seal_broken."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def due_purges() -> list[tuple[UUID, UUID]]:
    """(tenant, operation) of each purge that was confirmed and not carried out; needs the audit role."""
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute("SELECT tenant_id, operation FROM ledger.due_purges()")
        return list(cursor.fetchall())


def carry_out(
    operation_id: UUID, signer: Signer, keys: Sequence[VerifierKey], *, actor: Actor, now: datetime
) -> Tombstone:
    """Let go what the operation names: tombstone, deletion and the event about it are one transaction. `actor` is
    the sealer in that tenant, `now` the database's.

    Raises PurgeRefused; a database that refuses raises its own error, and nothing has gone.
    """
    tenant_id = actor.tenant_id
    with tenant_scope(tenant_id):
        operation: Operation = Operation.objects.get(id=operation_id)
        found, term = _as_confirmed(operation, now)
        newest = seals.newest_checkpoint()
        seal = seals.checkpoint(found.number)
        if (
            newest is None
            or seal is None
            or not _is_ours(seal, keys)
            or seals.sealed_at(seal.note) >= found.until
        ):
            raise PurgeRefused("seal_broken")
        stone = Tombstone(
            tenant_id=tenant_id,
            first=found.first,
            last=found.last,
            number=found.number,
            root=found.root,
            last_hash=found.last_hash,
            until=found.until,
            term=term,
            at=now,
            after=newest.number,
            operation=operation_id,
            entered=operation.entered_by_id,
            confirmed=operation.confirmed_by_id,
        )
        _check(stone, newest.at)
        note = signer.sign(stone.text())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ledger.purge(%s, %s, %s, %s, %s, %s, %s)",
                [tenant_id, stone.first, stone.last, stone.number, stone.until, operation_id, note],
            )
        said: dict[str, object] = {
            "events": found.events, "first": stone.first, "last": stone.last, "tombstone": note_hash(note).hex(),
            "until": operation.parameters["before_at"],
        }  # fmt: skip
        record(
            "ledger.purged",
            actor=actor,
            subject=Subject("ledger", f"{stone.first}-{stone.last}"),
            now=now,
            reason=operation.reason,
            detail=said,
        )
    return stone


def _as_confirmed(operation: Operation, now: datetime) -> tuple[Purgeable, int]:
    held = keeping_here()
    if held.hold:
        raise PurgeRefused("record_held")
    try:
        until, wanted = _wanted(operation.parameters)
        is_over = term_ends(until, held.years) <= now
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        # Written past Toban, with the web server's password: it is that tenant's trouble and nobody else's.
        raise PurgeRefused("not_as_confirmed") from error
    if not is_over:
        raise PurgeRefused("term_not_over")
    found = purgeable(operation.tenant_id, until) if is_month(until) else None
    if found is None or (found.first, found.last, found.root.hex()) != wanted:
        raise PurgeRefused("not_as_confirmed")
    return found, held.years


def _check(stone: Tombstone, sealed_at: datetime) -> None:
    """What no verifier would take for a tombstone must not be signed: the events would be gone, and the record damaged."""
    try:
        Tombstone.parse(stone.text())
    except BadNote as error:
        raise PurgeRefused("not_as_confirmed") from error
    if not stone.is_of_its_time(sealed_at):
        raise PurgeRefused("seal_broken")


def _wanted(given: Mapping[str, Any]) -> tuple[datetime, tuple[int, int, str]]:
    until = datetime.fromisoformat(given["before_at"])
    if until.tzinfo is None:
        raise ValueError("naive datetime")
    return until, (given["first_event"], given["last_event"], given["root"])


def _is_ours(seal: seals.Stored, keys: Sequence[VerifierKey]) -> bool:
    try:
        open_note(seal.note, keys, number=seal.number)
    except BadNote:
        return False
    return True
