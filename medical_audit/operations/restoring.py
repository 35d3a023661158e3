"""After a restore from backup: what was lost is put into words, two people sign it, and the sealer goes on (ADR 15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from medical_audit.domain.actor import NO_TENANT, Actor, Subject, system_actor
from medical_audit.domain.anchoring import Anchor, AnchorError, Payload
from medical_audit.domain.checkpoint import NOTHING_BEFORE, Checkpoint, TreeHead, note_hash
from medical_audit.domain.merkle import root_of
from medical_audit.domain.notes import BadNote, VerifierKey, open_note
from medical_audit.domain.restoring import REASON_MAX, Loss, Restore, open_restore, ordered
from medical_audit.operations.erasures import erase_again
from medical_audit.operations.ledger import record
from medical_audit.queries import seals
from medical_audit.queries.seals import Stored
from medical_audit.tenancy import platform_scope, tenant_scope


class RestoreRefused(RuntimeError):
    """Nothing is signed or accepted; `code` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Found:
    """How far the record had been sealed by its anchors, from which seal it goes on, and what lies between."""

    end: Payload
    epoch: int
    newest: Stored | None
    losses: tuple[Loss, ...]

    def statement(self, *, reason: str, now: datetime) -> Restore:
        return Restore(
            epoch=self.epoch,
            old=self.end.number,
            old_hash=note_hash(self.end.note),
            new=self.newest.number if self.newest else 0,
            new_hash=self.newest.hash if self.newest else NOTHING_BEFORE,
            lost=len(self.losses),
            lost_root=root_of(loss.leaf() for loss in self.losses),
            at=now,
            reason=reason,
        )


def propose(
    keys: Sequence[VerifierKey], anchors: Sequence[Anchor], *, reason: str, now: datetime
) -> tuple[Restore, tuple[Loss, ...]]:
    """What two people are to sign. Needs the audit role.

    Raises AnchorError, RestoreRefused (reason_missing, reason_too_long, no_anchor, nothing_lost, restored_to_another_past).
    """
    reason = reason.strip()
    if not reason:
        raise RestoreRefused("reason_missing")
    if len(reason) > REASON_MAX:
        raise RestoreRefused("reason_too_long")
    with platform_scope():
        found = _find(keys, anchors)
    return found.statement(reason=reason, now=now), found.losses


def accept(
    note: str,
    keys: Sequence[VerifierKey],
    anchors: Sequence[Anchor],
    approvers: Sequence[VerifierKey],
    *,
    actor: Actor,
    now: datetime,
) -> tuple[Restore, tuple[str, ...]]:
    """Keep a statement that two people signed and that is still true, so that the next seal goes on behind it; told in the
    platform's ledger and in that of each tenant that lost something. Who was erased after that backup is erased again. Needs the
    audit role.

    Raises BadNote, AnchorError, RestoreRefused (as `propose`, and restore_outdated).
    """
    statement, names = open_restore(note, approvers)
    with platform_scope():
        found = _find(keys, anchors)
        if found.statement(reason=statement.reason, now=statement.at) != statement:
            raise RestoreRefused("restore_outdated")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ledger.accept_restore(%s, %s, %s, %s, %s::uuid[], %s::bigint[], %s::bigint[])",
                [
                    statement.epoch, statement.old, statement.new, note, [one.tenant_id for one in found.losses],
                    [one.first for one in found.losses], [one.last for one in found.losses],
                ],
            )  # fmt: skip
        said: dict[str, object] = {
            "approvers": ", ".join(names), "epoch": statement.epoch, "new": statement.new, "old": statement.old,
        }  # fmt: skip
        whole = said | {"tenants": statement.lost}
        _tell(system_actor(NO_TENANT, actor.name), statement.reason, whole, now)
        for loss in found.losses:
            if loss.tenant_id != NO_TENANT:
                with tenant_scope(loss.tenant_id):
                    mine = said | {"first": loss.first, "last": loss.last}
                    _tell(system_actor(loss.tenant_id, actor.name), statement.reason, mine, now)
        notes = [
            note
            for anchor in anchors
            for copy in anchor.after(max(statement.new - 1, 0))
            for note in copy.erasures
        ]
        erase_again(notes, keys, actor=actor, now=now)
    return statement, names


def _tell(actor: Actor, reason: str, detail: dict[str, object], now: datetime) -> None:
    kind = "ledger.restored_with_loss" if "first" in detail else "ledger.restored"
    record(kind, actor=actor, subject=Subject("ledger", "seal"), now=now, reason=reason, detail=detail)


def _find(keys: Sequence[VerifierKey], anchors: Sequence[Anchor]) -> Found:
    newest = seals.newest_checkpoint()
    end = _furthest(keys, anchors)
    here = newest.number if newest else 0
    if end is None:
        raise RestoreRefused("no_anchor")
    anchor, last = end
    if last.number <= here:
        raise RestoreRefused("nothing_lost")
    copies = list(anchor.after(max(here - 1, 0)))
    if newest is not None and copies[0].number == here and copies[0].note != newest.note:
        raise RestoreRefused("restored_to_another_past")
    epochs = [Checkpoint.parse(last.note.rpartition("\n\n")[0] + "\n").epoch]
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(epoch), 0) FROM ledger.restore")
        epochs.append(cursor.fetchone()[0])
    return Found(last, max(epochs) + 1, newest, _losses([one for one in copies if one.number > here]))


def _furthest(keys: Sequence[VerifierKey], anchors: Sequence[Anchor]) -> tuple[Anchor, Payload] | None:
    """The anchor that holds the newest of our seals. Raises AnchorError when one cannot be read: it could hold a newer one."""
    best: tuple[Anchor, Payload] | None = None
    for anchor in anchors:
        there = anchor.newest(at_least=0)
        if there is None:
            continue
        try:
            open_note(there.note, keys, number=there.number)
        except BadNote as error:
            raise AnchorError(f"{anchor.name}: what is there is no seal of ours ({error})") from error
        if best is None or there.number > best[1].number:
            best = anchor, there
    return best


def _losses(gone: Sequence[Payload]) -> tuple[Loss, ...]:
    """What each tenant's tree held at the seals that are gone and its chain does not hold any more."""
    heads: dict[object, list[TreeHead]] = {}
    for payload in gone:
        for head in payload.heads:
            heads.setdefault(head.tenant_id, []).append(head)
    found = []
    for mine in heads.values():
        kept = _kept(mine)
        if mine[-1].size > kept:
            found.append(Loss(mine[0].tenant_id, kept + 1, mine[-1].size))
    return tuple(ordered(found))


def _kept(heads: Sequence[TreeHead]) -> int:
    """Up to which event the tenant's chain is the one that was sealed: at the last of these heads that it still goes through,
    else at the newest seal that is left."""
    tenant_id = heads[0].tenant_id
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq, hash FROM ledger.link WHERE tenant_id = %s AND seq = ANY(%s)",
            [tenant_id, [head.size for head in heads]],
        )
        hashes = {seq: bytes(found) for seq, found in cursor.fetchall()}
        sealed = seals.last_head(tenant_id)
    whole = [head.size for head in heads if hashes.get(head.size) == head.last_hash]
    return max([*whole, sealed[1].size if sealed else 0])
